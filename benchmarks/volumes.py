"""What the regularizers do to hippocampus segmentation: one row of docs/volumes.md.

    OMP_NUM_THREADS=1 python benchmarks/volumes.py dsd --data HIPPOCAMPUS --output volumes

Every row is a recipe of recipes/volumes, trained for some folds (by case) and seeds: a network
learns from four fifths of the cases, a tenth of those chooses its weights, and the last fifth is
only scored. `all` makes the runs of all rows, those that compare most first. A run is kept as one
JSON file; one that was broken off goes on at its last checkpoint, and what is there is not made
again. ``benchmarks/volumes_table.py`` writes the tables.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, StepDone, ValidationDone
from napari_selfreg.engine.events import run as run_job
from napari_selfreg.engine.volume.fit import build_regularization
from napari_selfreg.engine.volume.recipe import VolumeRecipe, load_any_recipe
from napari_selfreg.engine.volume.split import HoldOut
from napari_selfreg.engine.volume.train import (
    VolumeTrainRequest,
    new_volume_network,
    train_volumes,
)
from napari_selfreg.io.atomic import atomic_write

RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "volumes"
FOLDS = 5
ONE_FOLD = ((1, 0), (1, 1), (1, 2))
EVERY_FOLD = (*ONE_FOLD, *((fold, seed) for seed in (0, 1) for fold in range(2, FOLDS + 1)))
ROWS: dict[str, tuple[tuple[int, int], ...]] = {
    "plain": EVERY_FOLD,
    "dsd": EVERY_FOLD,
    "deep-supervision": ONE_FOLD,
    "dsd-official": ONE_FOLD,
    "trans-unet": ONE_FOLD,
    "missu": ONE_FOLD,
    "basic-unet": ONE_FOLD,
    "scr-ifd": ONE_FOLD,
}
"""Folds (from 1 on) and seeds of every row."""


@dataclass(frozen=True)
class Trained:
    """What is known of one trained network.

    Parameters
    ----------
    row : str
        Its recipe.
    fold, seed : int
    steps, best_step : int
        Optimiser steps, and after how many the weights were best.
    seconds_per_step : float
        CPU time of a step, validations included.
    parameters, heads : int
        Of the network, and of what is there in training only.
    cases : dict of str to dict of str to float
        Scores of every held-out case by stem, see `engine.volume.scoring.volume_scores`.
    """

    row: str
    fold: int
    seed: int
    steps: int
    best_step: int
    seconds_per_step: float
    parameters: int
    heads: int
    cases: dict[str, dict[str, float]]


class StepClock:
    """CPU time per step of this process, from the first step on to the last."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def __call__(self, event: Event) -> None:
        """Note the time of a step, and show what a person waits for."""
        if isinstance(event, StepDone):
            self._times.append(time.process_time())
        elif isinstance(event, ValidationDone):
            print(f"  step {event.step}: validation Dice {event.dice:.4f}", flush=True)

    @property
    def per_step(self) -> float:
        """Seconds; 0 where fewer than two steps were made here."""
        if len(self._times) < 2:
            return 0.0
        return (self._times[-1] - self._times[0]) / (len(self._times) - 1)


def recipe_of(row: str, seed: int, steps: int | None = None) -> VolumeRecipe:
    """Return the recipe of a run; the folds are the same for all seeds.

    Parameters
    ----------
    row : str
        One of `ROWS`.
    seed : int
        Of the start, the patches and the heads.
    steps : int, optional
        In place of the recipe's own.
    """
    recipe = load_any_recipe(RECIPES / f"hippocampus-{row}.toml")
    if not isinstance(recipe, VolumeRecipe):
        raise BadInputError(f"The recipe of {row} is not for volumes.")
    changes = {"seed": seed} if steps is None else {"seed": seed, "steps": steps}
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=changes)})


def made(
    row: str, fold: int, seed: int, data: Path, folder: Path, steps: int | None = None
) -> Trained:
    """Train and score one network, or read what was made before.

    Parameters
    ----------
    row, fold, seed
        Which run.
    data : Path
        Folder of the volumes.
    folder : Path
        Of results and states.
    steps : int, optional
        In place of the recipe's own.
    """
    name = f"{row}-fold{fold}-seed{seed}"
    record, bundle = folder / f"{name}.json", folder / f"{name}.safetensors"
    if record.is_file():
        return Trained(**json.loads(record.read_text("utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    recipe = recipe_of(row, seed, steps)
    hold_out, clock = HoldOut(folds=FOLDS, fold=fold), StepClock()
    request = VolumeTrainRequest(recipe, data, bundle, resume=True, device="cpu", hold_out=hold_out)
    print(name, flush=True)
    result = run_job(train_volumes(request), clock)
    parameters, heads = _sizes(recipe)
    training = result.card.training
    found = Trained(
        row=row,
        fold=fold,
        seed=seed,
        steps=int(str(training["steps"])),
        best_step=int(str(training["best_step"])),
        seconds_per_step=round(clock.per_step, 4),
        parameters=parameters,
        heads=heads,
        cases={stem: dict(scores) for stem, scores in result.cases.items()},
    )
    with atomic_write(record, "w") as stream:
        json.dump(asdict(found), stream, allow_nan=False, indent=1)
    shutil.rmtree(bundle.with_suffix(".training"))
    bundle.unlink()
    return found


def _sizes(recipe: VolumeRecipe) -> tuple[int, int]:
    """Return the numbers of parameters of the network and of its training-only heads."""
    network, tapspec = new_volume_network(recipe)
    heads = build_regularization(recipe, network, tapspec)
    network_size, heads_size = (
        sum(parameter.numel() for parameter in module.parameters()) for module in (network, heads)
    )
    return network_size, heads_size


def wanted(rows: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return row, fold and seed of every run, so that rows grow side by side."""
    return [
        (row, fold, seed) for fold, seed in EVERY_FOLD for row in rows if (fold, seed) in ROWS[row]
    ]


def main() -> None:
    """Make the runs of a row that are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("row", choices=(*ROWS, "all"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the volumes")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--most", type=int, help="runs at most, the first of the row")
    parser.add_argument("--steps", type=int, help="in place of the recipes' own")
    options = parser.parse_args()
    runs = wanted(tuple(ROWS) if options.row == "all" else (options.row,))
    for row, fold, seed in runs[: options.most]:
        found = made(row, fold, seed, options.data, options.output, options.steps)
        dice = sum(scores["dice"] for scores in found.cases.values()) / len(found.cases)
        print(f"{row}, fold {fold}, seed {seed}: Dice {dice:.4f}", flush=True)


if __name__ == "__main__":
    main()
