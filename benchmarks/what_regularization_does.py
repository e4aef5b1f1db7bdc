"""What SCR, IFD and decorrelation do to a U-Net: the same training with and without them.

    python benchmarks/what_regularization_does.py --data GLAS --output evidence
    python benchmarks/what_regularization_does.py --data GLAS --output evidence --seeds 5
    python benchmarks/what_regularization_does.py --data GLAS --output quick \
        --steps 150 --batch 4 --crop 128 --features 16 16 32 64 128 16

Every repetition splits the patients anew and trains one network per recipe of recipes/evidence,
with the same start, crops and held-out patients. On the held-out images it measures each block and
the Dice of the whole. What is done is kept run by run: start the command again to go on. After each
run `results.csv` (all numbers) and `table.md` (differences to the plain network) are written anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from evidence_table import METRICS, Run, update_page, write_csv, write_markdown
from torch import nn
from torch.nn import functional

from napari_selfreg.core.redundancy import block_numbers
from napari_selfreg.engine.events import run as run_job
from napari_selfreg.engine.fit import FitRequest, fit, training_precision
from napari_selfreg.engine.recipe import Recipe, load_recipe
from napari_selfreg.engine.sampling import Field, load_field
from napari_selfreg.engine.starting import check_crop, new_network
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.datasets import Dataset, open_dataset, split_by_patient
from napari_selfreg.nets.feature_maps import capture, scr_residual
from napari_selfreg.nets.gradcam import grad_cam
from napari_selfreg.nets.tapspec import TapSpec

ARMS = ("plain", "both", "scr", "ifd", "decorrelation")
RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "evidence"
FOREGROUND = 1  # the gland among the network's outputs


@dataclass(frozen=True)
class Experiment:
    """Everything that the runs share.

    Parameters
    ----------
    dataset : Dataset
    fields : dict of str to Field
        Images at the network's scale by stem.
    recipes : dict of str to Recipe
        By arm; seeds are set by each run.
    folder : Path
        Of states and results.
    device : torch.device
    """

    dataset: Dataset
    fields: dict[str, Field]
    recipes: dict[str, Recipe]
    folder: Path
    device: torch.device

    def run(self, arm: str, seed: int) -> Run:
        """Train and measure one network, or read what was measured before."""
        record = self.folder / f"{arm}-{seed}.json"
        if record.is_file():
            return Run(**json.loads(record.read_text("utf-8")))
        recipe = seeded(self.recipes[arm], seed)
        training, held_out = self._split(recipe)
        normalizer = Normalizer.of(training)
        network, tapspec = new_network(recipe)
        state = self.folder / f"{arm}-{seed}.state"
        request = FitRequest(
            network=network,
            tapspec=tapspec,
            recipe=recipe,
            training=training,
            validation=held_out,
            normalizer=normalizer,
            folder=state,
            steps=recipe.train.steps,
            resume=True,
            device=self.device,
        )
        fitted = run_job(fit(request))
        network.load_state_dict(fitted.weights)
        blocks = measure(network.to(self.device), tapspec, held_out, normalizer)
        found = Run(arm, seed, fitted.progress.best_dice, len(held_out), blocks)
        with atomic_write(record, "w") as stream:
            json.dump(asdict(found), stream, allow_nan=False)
        shutil.rmtree(state)
        return found

    def _split(self, recipe: Recipe) -> tuple[list[Field], list[Field]]:
        sides = split_by_patient(
            self.dataset.samples, recipe.data.validation_fraction, recipe.data.split_seed
        )
        training, held_out = ([self.fields[sample.stem] for sample in side] for side in sides)
        return training, held_out


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe of one repetition: its start, crops and held-out patients."""
    return recipe.model_copy(
        update={
            "train": recipe.train.model_copy(update={"seed": seed}),
            "data": recipe.data.model_copy(update={"split_seed": seed}),
        }
    )


def measure(
    network: nn.Module, tapspec: TapSpec, fields: Sequence[Field], normalizer: Normalizer
) -> dict[str, dict[str, float]]:
    """Return the numbers of each block: means over images.

    Parameters
    ----------
    network : nn.Module
        On the device to compute on.
    tapspec : TapSpec
    fields : sequence of Field
        Their middle is taken, a multiple of the network's stride: no number sees a filled border.
    normalizer : Normalizer

    Returns
    -------
    dict
        `evidence_table.METRICS` by block.
    """
    device = next(network.parameters()).device
    images = [
        numbers_of(network, tapspec, *middle(field, normalizer, tapspec, device))
        for field in fields
    ]
    return {
        block: {name: statistics.fmean(image[block][name] for image in images) for name in METRICS}
        for block in tapspec.blocks
    }


def middle(
    field: Field, normalizer: Normalizer, tapspec: TapSpec, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the middle of an image (1, 3, y, x) and its mask of glands (y, x), float32."""
    multiple = tapspec.size_multiple
    sides = [(side - side % multiple, side % multiple // 2) for side in field.rgb.shape[:2]]
    rows, columns = (slice(start, start + length) for length, start in sides)
    picture = torch.from_numpy(field.rgb[rows, columns]).permute(2, 0, 1)[None]
    mask = torch.from_numpy(field.targets[0, rows, columns] == FOREGROUND).float()
    return normalizer(picture.to(device).float() / 255.0), mask.to(device)


def numbers_of(
    network: nn.Module, tapspec: TapSpec, picture: torch.Tensor, mask: torch.Tensor
) -> dict[str, dict[str, Any]]:
    """Return the numbers of each block on one image, in full precision."""
    maps = capture(network, tapspec, picture)
    attention = grad_cam(network, tapspec, picture, mask, FOREGROUND)
    last = maps[tapspec.teacher_block]
    found = {}
    for block, tensor in maps.items():
        numbers = block_numbers(
            block,
            tensor[0].cpu().numpy(),
            scr_distance=float(scr_residual(tensor, last).mean()),
            attention_overlap=overlap(attention[block][0], mask),
        )
        found[block] = asdict(numbers)
    return found


def overlap(attention: torch.Tensor, mask: torch.Tensor) -> float:
    """Return the share of the attention that lies inside the mask; 0 without any attention."""
    small = functional.adaptive_avg_pool2d(mask[None], attention.shape)[0]
    total = float(attention.sum())
    return float((attention * small).sum()) / total if total > 0 else 0.0


def with_schedule(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """Return the recipe with what the shell changes of its schedule and network."""
    wanted = {name: getattr(options, name) for name in ("steps", "batch", "crop")}
    changes = {name: value for name, value in wanted.items() if value is not None}
    train = recipe.train.model_copy(update=changes)
    train = train.model_copy(update={"validate_every": train.steps})
    network = recipe.network
    if options.features:
        network = network.model_copy(update={"arguments": {"features": options.features}})
    return Recipe.model_validate(recipe.model_dump() | {"train": train, "network": network})


def prepare(options: argparse.Namespace) -> Experiment:
    """Read recipes and images; refuse a folder that holds another experiment."""
    recipes = {arm: with_schedule(load_recipe(RECIPES / f"{arm}.toml"), options) for arm in ARMS}
    for recipe in recipes.values():
        check_crop(recipe)
    folder = Path(options.output)
    kept = folder / "experiment.json"
    wanted = {arm: recipe.model_dump(mode="json") for arm, recipe in recipes.items()}
    if kept.is_file() and json.loads(kept.read_text("utf-8")) != wanted:
        raise SystemExit(f"{folder} holds runs of another schedule: choose another folder.")
    with atomic_write(kept, "w") as stream:
        json.dump(wanted, stream)
    dataset = training_images(open_dataset(Path(options.data)))
    fields = {s.stem: load_field(s, dataset, recipes["plain"]) for s in dataset.samples}
    return Experiment(dataset, fields, recipes, folder, torch.device(options.device))


def training_images(dataset: Dataset) -> Dataset:
    """Leave out the test images of the contest (testA_1, testB_1 and so on)."""
    kept = tuple(sample for sample in dataset.samples if not sample.stem.startswith("test"))
    return replace(dataset, samples=kept)


def schedule_text(recipe: Recipe, experiment: Experiment) -> str:
    """Say in a sentence how the networks were trained."""
    train = recipe.train
    precision = str(training_precision(train.precision, experiment.device)).removeprefix("torch.")
    patients = len({sample.patient for sample in experiment.dataset.samples})
    return (
        f"{recipe.network.architecture} with {recipe.network.arguments['features']} channels, "
        f"{train.steps} steps of {train.batch} crops of {train.crop}² px at "
        f"{recipe.data.um_per_px:g} µm/px ({precision}), {len(experiment.fields)} images of "
        f"{patients} patients; the averaged weights of the last step, no checkpoint chosen; "
        f"torch {torch.__version__} on {experiment.device.type}."
    )


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the shell asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="folder of the GlaS images")
    parser.add_argument("--output", required=True, help="folder of states and results")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of every arm")
    parser.add_argument("--steps", type=int, help="in place of the recipes' own, likewise below")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--crop", type=int)
    parser.add_argument("--features", type=int, nargs=6, help="channels of the six stages")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--page", type=Path, help="page whose tables are written anew as well")
    return parser.parse_args(words)


def planned(seeds: int) -> Iterator[tuple[str, int]]:
    """Yield the runs: what was published against plain in all repetitions, then the rest."""
    for arms in (ARMS[:2], ARMS[2:]):
        for seed in range(seeds):
            for arm in arms:
                yield arm, seed


def main(words: Sequence[str] | None = None) -> None:
    """Train, measure, and write the tables after every run."""
    options = arguments(words)
    experiment = prepare(options)
    runs: list[Run] = []
    for arm, seed in planned(options.seeds):
        runs.append(experiment.run(arm, seed))
        print(f"{arm} {seed}: Dice {runs[-1].dice:.4f}", flush=True)
        write_csv(experiment.folder / "results.csv", runs)
        text = schedule_text(experiment.recipes[arm], experiment)
        table = experiment.folder / "table.md"
        write_markdown(table, runs, text)
        if options.page is not None:
            update_page(options.page, table)


if __name__ == "__main__":
    main()
