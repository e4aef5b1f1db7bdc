"""Which way of choosing windows to correct teaches most: simulated correcting on GlaS.

    OMP_NUM_THREADS=1 python benchmarks/what_next.py --data GLAS --output what-next.csv

For every seed, one image each of eight patients is to be corrected, and up to two each of all other
patients are the test. The model `glands`, which has never seen GlaS, looks for one window in each
of the eight; the true labels are revealed there and nowhere else; it is fine-tuned on them and
scored on the test images. Only the way of choosing differs between the runs of a seed. Batches and
crops are smaller than in the panel, which only makes it quicker. Runs that are in the table already
are not made again; the summary in Markdown is written beside it after each.
"""

from __future__ import annotations

import argparse
import copy
import csv
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from napari_selfreg.core.metrics import dice
from napari_selfreg.core.verdict import verdict
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import run
from napari_selfreg.engine.finetune import FinetuneField, FinetuneRequest, settings_of
from napari_selfreg.engine.finetune_fields import prepare
from napari_selfreg.engine.finetune_fit import Clock, FinetuneLoop
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.predict import PredictRequest, predict
from napari_selfreg.engine.what_next import what_next_in
from napari_selfreg.engine.what_next_types import STRATEGIES, PictureRequest
from napari_selfreg.io.datasets import Dataset, Sample, open_dataset
from napari_selfreg.io.images import open_image
from napari_selfreg.io.label_files import read_labels

BASE = "none"
COLUMNS = (
    "seed", "strategy", "patient", "image", "dice", "wrong", "reviewed", "choosing_s", "steps",
)  # fmt: skip
NUMBERS = {
    "seeds": (6, "how often all is drawn anew"),
    "corrected": (8, "images with corrections, of as many patients"),
    "windows": (1, "windows of each"),
    "tested": (2, "test images of each other patient, if there are as many"),
    "steps": (40, "of fine-tuning"),
    "batch": (4, "crops of a step"),
    "crop": (128, "their side, in pixels of the model"),
}
Labels = npt.NDArray[np.int32]
Picture = npt.NDArray[np.uint8]


def read(sample: Sample) -> tuple[Picture, Labels]:
    """Return picture and object ids of an image."""
    with open_image(sample.image) as source:
        picture = np.ascontiguousarray(source.levels[0][:, :])
    return picture, read_labels(sample.label, (picture.shape[0], picture.shape[1]))


def drawn(
    dataset: Dataset, seed: int, corrected: int, tested: int
) -> tuple[list[Sample], list[Sample]]:
    """Return one image each of some patients to correct, a few each of all others to test."""
    rng = np.random.default_rng(seed)
    patients = defaultdict(list)
    for sample in dataset.samples:
        patients[sample.patient].append(sample)
    order = rng.permutation(sorted(patients))
    shuffled = [[patients[name][i] for i in rng.permutation(len(patients[name]))] for name in order]
    test = [sample for samples in shuffled[corrected:] for sample in samples[:tested]]
    return [samples[0] for samples in shuffled[:corrected]], test


class Simulation:
    """One seed.

    Parameters
    ----------
    dataset : Dataset
    model : Model
        The base.
    seed : int
    options : Namespace
        ``corrected``, ``tested``, ``windows``, ``steps``, ``batch``, ``crop``.
    """

    def __init__(
        self, dataset: Dataset, model: Model, seed: int, options: argparse.Namespace
    ) -> None:
        assert dataset.pixel_size is not None
        self.size, self.model, self.seed, self.options = dataset.pixel_size, model, seed, options
        training, self.test = drawn(dataset, seed, options.corrected, options.tested)
        self.training = [read(sample) for sample in training]
        self.found = [self._foreground(model, picture) for picture, _ in self.training]

    def rows(self, strategy: str) -> Iterable[dict[str, object]]:
        """Choose, correct, fine-tune, score; one row per test image."""
        model, facts = self.model, {"wrong": "", "reviewed": "", "choosing_s": "", "steps": 0}
        if strategy != BASE:
            began = time.monotonic()
            masks = [self._chosen(picture, strategy, n) for n, (picture, _) in self._numbered()]
            facts["choosing_s"] = round(time.monotonic() - began, 1)
            facts["reviewed"] = round(float(np.mean([mask.mean() for mask in masks])), 4)
            facts["wrong"] = round(self._wrong(masks), 4)
            facts["steps"] = self.options.steps
            model = self._tuned(masks)
        for sample in self.test:
            picture, labels = read(sample)
            score = dice(self._foreground(model, picture).astype(np.int32), labels > 0)
            known = {"seed": self.seed, "strategy": strategy, "patient": sample.patient}
            yield {**known, "image": sample.stem, "dice": round(score, 5), **facts}

    def _numbered(self) -> Iterable[tuple[int, tuple[Picture, Labels]]]:
        return enumerate(self.training)

    def _chosen(self, picture: Picture, strategy: str, number: int) -> npt.NDArray[np.bool_]:
        asked = PictureRequest(
            picture, self.size, self.model, strategy=strategy, most=self.options.windows,
            device="cpu", seed=1000 * self.seed + number,
        )  # fmt: skip
        mask = np.zeros(picture.shape[:2], bool)
        for one in run(what_next_in(asked)):
            mask[one.box.slices] = True
        return mask

    def _wrong(self, masks: Sequence[npt.NDArray[np.bool_]]) -> float:
        """Return the part of the chosen pixels that the base has wrong."""
        wrong = counted = 0
        for (_, labels), found, mask in zip(self.training, self.found, masks, strict=True):
            missed = found != (labels > 0)
            wrong, counted = wrong + int(missed[mask].sum()), counted + int(mask.sum())
        return wrong / max(counted, 1)

    def _tuned(self, masks: Sequence[npt.NDArray[np.bool_]]) -> Model:
        fields = tuple(
            FinetuneField(picture, labels, mask, self.size)
            for (picture, labels), mask in zip(self.training, masks, strict=True)
        )
        request = FinetuneRequest(self.model, fields, seed=self.seed, device="cpu")
        material = prepare(fields, self.model.card)
        usual = settings_of(request, self.model, material)
        settings = replace(usual, batch=self.options.batch, crop=self.options.crop)
        plan, device = Plan(((0, self.options.steps),)), torch.device("cpu")
        loop = FinetuneLoop(
            self.model, self.model, material, settings, plan, Clock(), device
        )  # fmt: skip
        run(loop.run())
        assert loop.kept is not None
        network = copy.deepcopy(self.model.network)
        network.load_state_dict(loop.kept.weights)
        return replace(self.model, network=network)

    def _foreground(self, model: Model, picture: Picture) -> npt.NDArray[np.bool_]:
        found = run(predict(PredictRequest(picture, self.size, model, device="cpu")))
        return np.asarray(found.probability[0] >= model.card.postprocessing.threshold)


def known_rows(table: Path) -> list[dict[str, str]]:
    """Return what the table holds already."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(table: Path, rows: Sequence[dict[str, object]]) -> None:
    """Add the rows of one run; a run that was broken off leaves none."""
    new = not table.is_file()
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def summary(rows: Sequence[dict[str, str]], command: str) -> str:
    """Return the table in Markdown: the seeds that all strategies were run with.

    Intervals are those of the mean difference over seeds (Student's t), since the images of a seed
    are scored by one and the same model.
    """
    found: dict[str, dict[int, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["strategy"]][int(row["seed"])].append(row)
    seeds = sorted(set.intersection(*(set(each) for each in found.values())))
    means = {
        name: [float(np.mean([float(row["dice"]) for row in each[seed]])) for seed in seeds]
        for name, each in found.items()
    }
    images = sum(len(found[BASE][seed]) for seed in seeds)
    lines = [
        f"`{command}`", "", f"Seeds {', '.join(map(str, seeds))}; {images} test images in all.", "",
        "| chosen by | Dice, mean | by seed | minus random, points (95 %) | minus no fine-tuning | "
        "wrong pixels in the windows | s to choose |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in (BASE, *STRATEGIES):
        if name in means:
            kept = [row for seed in seeds for row in found[name][seed]]
            lines.append(_line(name, means, kept))
    return "\n".join(lines) + "\n"


def _line(name: str, means: dict[str, list[float]], rows: Sequence[dict[str, str]]) -> str:
    def gap(other: str) -> str:
        if name in (BASE, other) or other not in means:
            return ""
        said = verdict(means[other], means[name])
        text = f"{100 * said.difference:+.1f}"
        return f"{text} ({100 * said.low:+.1f} … {100 * said.high:+.1f})" if said.n > 2 else text

    def mean(column: str, form: str) -> str:
        values = [float(row[column]) for row in rows if row[column]]
        return format(float(np.mean(values)), form) if values else ""

    by_seed = ", ".join(f"{value:.3f}" for value in means[name])
    cells = (
        name, f"{np.mean(means[name]):.3f}", by_seed, gap("random"), gap(BASE),
        mean("wrong", ".1%"), mean("choosing_s", ".1f"),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of GlaS training images")
    parser.add_argument("--output", type=Path, required=True, help="table to write or go on with")
    parser.add_argument("--model", default="glands")
    for name, (value, text) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=text)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    options = parser.parse_args()
    dataset, model = open_dataset(options.data), load_model(options.model)
    numbers = "".join(f" --{name} {getattr(options, name)}" for name in NUMBERS)
    command = f"python benchmarks/what_next.py --data GLAS --output what-next.csv{numbers}"
    for seed in range(options.first, options.seeds):
        simulation = Simulation(dataset, model, seed, options)
        for strategy in (BASE, *STRATEGIES):
            done = {(row["seed"], row["strategy"]) for row in known_rows(options.output)}
            if (str(seed), strategy) in done:
                continue
            append(options.output, list(simulation.rows(strategy)))
            text = summary(known_rows(options.output), command)
            options.output.with_suffix(".md").write_text(text, encoding="utf-8")
            print(f"seed {seed}, {strategy}: done", flush=True)


if __name__ == "__main__":
    main()
