"""The scores of two models on the same images, and the tables made of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict, cast

from napari_selfreg.core.paired import PairedDifference, paired_difference
from napari_selfreg.engine.scores import METRICS, Evaluation, um_text
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.booktabs import escaped, table

TITLES = {
    "dice": "Dice",
    "iou": "IoU",
    "object_f1": "object F1",
    "object_dice": "object Dice",
    "object_hausdorff": "object Hausdorff distance, px",
    "aji": "AJI",
    "pq": "PQ",
}
"""Names of `METRICS` for a table in a paper."""


class DifferenceDocument(TypedDict):
    """Means of both models, and their mean difference b - a with its 95 % interval and p."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float


class ComparisonDocument(TypedDict):
    """What `compare` returns, and the shell prints with ``--json``."""

    n: int
    metrics: dict[str, DifferenceDocument]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Scores of two models on the same images in the same order.

    Parameters
    ----------
    a, b : Evaluation
        Of the first and of the second model.
    """

    a: Evaluation
    b: Evaluation

    @property
    def differences(self) -> dict[str, PairedDifference]:
        """Difference b - a, for each of `METRICS`."""
        a, b = (side.images for side in (self.a, self.b))
        return {
            name: paired_difference(
                [image.values[name] for image in a], [image.values[name] for image in b]
            )
            for name in METRICS
        }

    def document(self) -> ComparisonDocument:
        """Return plain numbers, ready for JSON."""
        return {
            "n": len(self.a.images),
            "metrics": {
                name: cast("DifferenceDocument", asdict(found))
                for name, found in self.differences.items()
            },
        }


def write_differences(path: str | Path, comparison: ModelComparison) -> None:
    """Write both scores of every image and their difference b - a as CSV.

    Images are named by stem; the pixel sizes are those that each model took the image to have, and
    both come from one source: where that is the model, each has taken its own.

    Parameters
    ----------
    path : str or Path
        The table; replaced as a whole.
    comparison : ModelComparison

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    head = [f"{name}_{part}" for name in METRICS for part in ("a", "b", "difference")]
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "um_per_px_a", "um_per_px_b", "um_per_px_source", *head])
        for first, second in zip(comparison.a.images, comparison.b.images, strict=True):
            sizes = [um_text(side.pixel_size) for side in (first, second)]
            values = [
                f"{value:.6g}"
                for name in METRICS
                for x, y in [(first.values[name], second.values[name])]
                for value in (x, y, y - x)
            ]
            writer.writerow([first.stem, *sizes, first.source, *values])


def latex_table(document: ComparisonDocument, names: tuple[str, str]) -> str:
    r"""Return the comparison as a LaTeX table with the rules of the package booktabs.

    Parameters
    ----------
    document : ComparisonDocument
    names : (str, str)
        Of both models, for the head of the table.

    Returns
    -------
    str
        A ``tabular`` with a comment that says what the numbers are.
    """
    a, b = (escaped(name) for name in _told_apart(names))
    head = ["Metric", a, b, "Difference", r"95\,\% interval", "$p$"]
    note = (
        f"n = {document['n']} images. Difference: mean over images of the second model minus the "
        "first, with its 95 % bootstrap interval; p: Wilcoxon signed-rank test, two-sided, not "
        "corrected for the number of metrics. Needs \\usepackage{booktabs}."
    )
    return table(head, _latex_rows(document), "lrrrrr", note)


def write_latex(path: str | Path, document: ComparisonDocument, names: tuple[str, str]) -> None:
    """Write `latex_table` to a file; WriteError if that is not possible."""
    with atomic_write(path, "w") as stream:
        stream.write(latex_table(document, names))


def p_text(p: float) -> str:
    """Return a p value as people write it."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _latex_rows(document: ComparisonDocument) -> Iterator[list[str]]:
    for name, found in document["metrics"].items():
        digits = 1 if name == "object_hausdorff" else 3
        a, b = (f"{found[side]:.{digits}f}" for side in ("a", "b"))
        difference, low, high = (
            f"${found[part]:+.{digits}f}$" for part in ("difference", "low", "high")
        )
        p = p_text(found["p"])
        yield [TITLES[name], a, b, difference, f"{low} to {high}", f"${p}$"]


def _told_apart(names: tuple[str, str]) -> tuple[str, str]:
    """Two versions of one model have one name."""
    return names if names[0] != names[1] else (f"{names[0]} (a)", f"{names[1]} (b)")
