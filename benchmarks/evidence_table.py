"""Tables of benchmarks/what_regularization_does.py: all numbers, and differences to plain."""

from __future__ import annotations

import csv
import math
import statistics
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from napari_selfreg.io.atomic import atomic_write

METRICS = {
    "similarity": "Mean cosine similarity between channels",
    "similarity_centred": "Mean correlation between channels",
    "effective_rank": "Effective rank",
    "scr_distance": "SCR distance",
    "ifd": "IFD value",
    "attention_overlap": "Share of the attention (Grad-CAM) inside the mask",
}
"""Numbers of a block by name, with the title of their table."""

MARKS = ("<!-- tables -->", "<!-- /tables -->")
"""Lines of a page between which the tables stand."""


@dataclass(frozen=True)
class Run:
    """What was measured of one network.

    Parameters
    ----------
    arm : str
        Which recipe.
    seed : int
        Of its start, crops and split.
    dice : float
        Mean over the held-out images, after the last step.
    images : int
        Held-out images.
    blocks : dict
        `METRICS` by block, means over the held-out images.
    """

    arm: str
    seed: int
    dice: float
    images: int
    blocks: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Change:
    """Mean over seeds of arm minus plain, with its 95 % interval; NaN where one seed is all."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def change(differences: Sequence[float]) -> Change:
    """Return the mean of paired differences with the interval of Student's t.

    With three seeds that interval is wide (4.3 standard errors to either side): it is the honest
    one. A bootstrap of three values would be far too narrow.
    """
    if len(differences) < 2:
        return Change(statistics.fmean(differences), math.nan, math.nan, len(differences))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # equal differences: t is infinite
        interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    return Change(
        statistics.fmean(differences), float(interval.low), float(interval.high), len(differences)
    )


def values(runs: Sequence[Run], block: str | None, metric: str) -> dict[str, dict[int, float]]:
    """Return a number by arm and seed; without a block the Dice of the network."""
    found: dict[str, dict[int, float]] = {}
    for run in runs:
        number = run.dice if block is None else run.blocks[block][metric]
        found.setdefault(run.arm, {})[run.seed] = number
    return found


def paired(found: dict[str, dict[int, float]], arm: str) -> Change | None:
    """Return the change from plain to an arm over the seeds that both have, None without any."""
    plain, other = found.get("plain", {}), found.get(arm, {})
    differences = [other[seed] - plain[seed] for seed in sorted(plain.keys() & other.keys())]
    return change(differences) if differences else None


def write_csv(path: Path, runs: Sequence[Run]) -> None:
    """Write a row per network and block; the row of the whole network holds its Dice."""
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["arm", "seed", "images", "block", "dice", *METRICS])
        for run in runs:
            head = [run.arm, run.seed, run.images]
            writer.writerow([*head, "", f"{run.dice:.6g}", *("" for _ in METRICS)])
            for block, numbers in run.blocks.items():
                cells = [f"{numbers[name]:.6g}" for name in METRICS]
                writer.writerow([*head, block, "", *cells])


def write_markdown(path: Path, runs: Sequence[Run], schedule: str) -> None:
    """Write the tables for docs/what-regularization-does.md."""
    with atomic_write(path, "w") as stream:
        stream.write("\n".join(_page(runs, schedule)) + "\n")


def update_page(page: Path, table: Path) -> None:
    """Put the tables between the marks of a page, in place of those that are there."""
    before, rest = page.read_text("utf-8").split(f"{MARKS[0]}\n", 1)
    _, after = rest.split(MARKS[1], 1)
    with atomic_write(page, "w") as stream:
        stream.write(f"{before}{MARKS[0]}\n\n{table.read_text('utf-8')}\n{MARKS[1]}{after}")


def _page(runs: Sequence[Run], schedule: str) -> Iterator[str]:
    arms = list(dict.fromkeys(run.arm for run in runs if run.arm != "plain"))
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in runs}))
    images = sorted({run.images for run in runs})
    counts = f"{images[0]}" if len(images) == 1 else f"{images[0]} to {images[-1]}"
    yield f"Schedule: {schedule}"
    yield ""
    yield (
        f"{len(runs)} networks (seeds {seeds}), {counts} held-out images each. Differences are "
        "arm minus plain of the same seed: mean over seeds [95 % interval of Student's t]. "
        "In bold: the interval leaves out 0."
    )
    yield from _table("Dice on held-out patients", {"all": values(runs, None, "dice")}, arms)
    for metric, title in METRICS.items():
        rows = {block: values(runs, block, metric) for block in runs[0].blocks}
        yield from _table(title, rows, arms)


def _table(
    title: str, rows: dict[str, dict[str, dict[int, float]]], arms: Sequence[str]
) -> Iterator[str]:
    yield ""
    yield f"**{title}**"
    yield ""
    yield "| block | plain | " + " | ".join(arms) + " |"
    yield "|---|---|" + "---|" * len(arms)
    for name, found in rows.items():
        plain = found.get("plain", {})
        level = _number(statistics.fmean(plain.values())) if plain else "–"
        cells = [_cell(paired(found, arm)) for arm in arms]
        yield f"| {name} | {level} | " + " | ".join(cells) + " |"


def _cell(found: Change | None) -> str:
    if found is None:
        return "–"
    mean = _number(found.mean, signed=True)
    if math.isnan(found.low):
        return f"{mean} (one seed)"
    low, high = (_number(value, signed=True) for value in (found.low, found.high))
    text = f"{mean} [{low}, {high}]"
    return f"**{text}**" if found.certain else text


def _number(value: float, *, signed: bool = False) -> str:
    """Return three decimals, two from 10 on, with its sign where asked for."""
    return f"{value:{'+' if signed else ''}.{2 if abs(value) >= 10 else 3}f}"
