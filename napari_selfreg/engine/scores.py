"""Scores of a model: of every image, and as means with their intervals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core import metrics
from napari_selfreg.core.bootstrap import Interval, mean_interval
from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.engine.protocols import Comparison, Protocol
from napari_selfreg.io.atomic import atomic_write

METRICS: Mapping[str, Callable[[npt.NDArray[np.int32], npt.NDArray[np.int32]], float]] = {
    "dice": metrics.dice,
    "iou": metrics.iou,
    "object_f1": metrics.object_f1,
    "object_dice": metrics.object_dice,
    "object_hausdorff": metrics.object_hausdorff,
    "aji": metrics.aji,
    "pq": metrics.pq,
}
"""Scores of one image by name; object_hausdorff in pixels of the evaluated grid."""


class IntervalDocument(TypedDict):
    """A mean over images with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class EvaluationDocument(TypedDict):
    """What `evaluate` returns, and the shell prints with ``--json``."""

    n: int
    protocol: str
    metrics: dict[str, IntervalDocument]


@dataclass(frozen=True, slots=True)
class ImageScores:
    """All `METRICS` of one image, with the pixel size they were reached at."""

    stem: str
    values: Mapping[str, float]
    pixel_size: PixelSize
    source: UmSource


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a model on a set of images, under one protocol."""

    protocol: Protocol
    images: tuple[ImageScores, ...]

    @property
    def intervals(self) -> dict[str, Interval]:
        """Mean over images with its 95 % bootstrap interval, for each of `METRICS`."""
        return {
            name: mean_interval([image.values[name] for image in self.images]) for name in METRICS
        }

    def document(self) -> EvaluationDocument:
        """Return plain numbers and texts, ready for JSON."""
        values: dict[str, IntervalDocument] = {
            name: {"mean": interval.mean, "low": interval.low, "high": interval.high}
            for name, interval in self.intervals.items()
        }
        return {"n": len(self.images), "protocol": self.protocol, "metrics": values}


def score(*compared: Comparison) -> dict[str, float]:
    """Return all `METRICS` of one image.

    Parameters
    ----------
    *compared : Comparison
        Of several classes one for each: the mean counts those that are there or were found.

    Returns
    -------
    dict of str to float
    """
    held = [each for each in compared if each.prediction.any() or each.truth.any()]
    each = [_values(one) for one in held or compared[:1]]
    return {name: float(np.mean([values[name] for values in each])) for name in METRICS}


def _values(compared: Comparison) -> dict[str, float]:
    return {name: metric(compared.prediction, compared.truth) for name, metric in METRICS.items()}


def write_scores(path: str | Path, evaluation: Evaluation) -> None:
    """Write the scores of every image as CSV; images are named by stem.

    Parameters
    ----------
    path : str or Path
        The table; replaced as a whole.
    evaluation : Evaluation

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "protocol", "um_per_px", "um_per_px_source", *METRICS])
        for image in evaluation.images:
            um = um_text(image.pixel_size)
            values = [f"{image.values[name]:.6g}" for name in METRICS]
            writer.writerow([image.stem, evaluation.protocol, um, image.source, *values])


def um_text(pixel_size: PixelSize) -> str:
    """Return one number where pixels are square, else "y x"."""
    sides = dict.fromkeys([f"{pixel_size.y:.6g}", f"{pixel_size.x:.6g}"])
    return " ".join(sides)
