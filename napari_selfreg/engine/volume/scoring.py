"""Scores of volumes: Dice, 95 % Hausdorff distance and surface Dice, by class and case."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.metrics.overlap import dice
from napari_selfreg.core.metrics.surface import SurfaceDistances
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.engine.volume.labelling import to_labels
from napari_selfreg.engine.volume.predict import VolumePredictRequest, predict_volume
from napari_selfreg.engine.volume.sampling import Spacing
from napari_selfreg.io.card import MetricRecord, MetricValue
from napari_selfreg.io.volume.datasets import VolumeCase, read_case

PROTOCOL = "native"
Labels = npt.NDArray[np.integer]


def volume_scores(
    found: Labels, truth: Labels, spacing: Spacing, classes: Sequence[str]
) -> dict[str, float]:
    """Return the scores of one volume.

    Parameters
    ----------
    found, truth : ndarray of int, shape (Z, Y, X)
        Class ids, 0 = background; where the truth is 255 nothing counts.
    spacing : (float, float, float)
        Voxel size, (z, y, x) in mm.
    classes : sequence of str
        Names of the classes 1, 2, ….

    Returns
    -------
    dict of str to float
        ``dice``, ``hd95_mm`` and ``surface_dice`` (tolerance 1 mm), each the mean over classes,
        and ``dice_<class>``, ``hd95_mm_<class>``, ``surface_dice_<class>``.
    """
    each: dict[str, list[float]] = {"dice": [], "hd95_mm": [], "surface_dice": []}
    for number in range(1, len(classes) + 1):
        a, b = (found == number) & (truth != IGNORE), truth == number
        surfaces = SurfaceDistances.between(a, b, spacing)
        each["dice"].append(dice(a, b))
        each["hd95_mm"].append(surfaces.hd95())
        each["surface_dice"].append(surfaces.dice())
    means = {name: float(np.mean(values)) for name, values in each.items()}
    by_class = {
        f"{name}_{label}": float(value)
        for name, values in each.items()
        for label, value in zip(classes, values, strict=True)
    }
    return means | by_class


def segmented(
    model: Model, voxels: npt.NDArray[np.float32], spacing: Spacing, device: str = "auto"
) -> Labels:
    """Return the class of every voxel of a volume, on its own grid.

    Parameters
    ----------
    model : Model
        For volumes.
    voxels : ndarray of float32, shape (Z, Y, X)
    spacing : (float, float, float)
        Voxel size, (z, y, x) in mm.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    ndarray of int32, shape (Z, Y, X)
    """
    request = VolumePredictRequest(voxels, spacing, model, device=device)
    return to_labels(run(predict_volume(request)).probability, model.card.n_classes)


def score_cases(
    model: Model, cases: Sequence[VolumeCase], device: str = "auto"
) -> Generator[Event, None, dict[str, dict[str, float]]]:
    """Score a model on labelled volumes.

    Parameters
    ----------
    model : Model
    cases : sequence of VolumeCase
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Progress

    Returns
    -------
    dict of str to dict of str to float
        Scores of every case by its stem, see `volume_scores`.

    Raises
    ------
    BadInputError
        If a case cannot be read.
    """
    scores = {}
    for number, case in enumerate(cases):
        yield Progress(number, len(cases), "Scoring")
        image, truth, _ = read_case(case)
        found = segmented(model, image.voxels, image.spacing, device)
        scores[case.stem] = volume_scores(found, truth, image.spacing, model.card.classes)
    return scores


def record_of(
    scores: Mapping[str, Mapping[str, float]], split: str, note: str = ""
) -> MetricRecord:
    """Return the mean of scores over the cases, with its 95 % bootstrap interval.

    Of the classes by themselves only Dice goes onto a card.

    Parameters
    ----------
    scores : mapping of str to mapping of str to float
        As `score_cases` returns them.
    split, note : str
        What the cases are, and what else a reader must know.

    Returns
    -------
    MetricRecord
    """
    by_class = ("hd95_mm_", "surface_dice_")
    names = [name for name in next(iter(scores.values())) if not name.startswith(by_class)]
    values = {}
    for name in names:
        interval = mean_interval([case[name] for case in scores.values()])
        values[name] = MetricValue(
            mean=round(interval.mean, 5), low=round(interval.low, 5), high=round(interval.high, 5)
        )
    return MetricRecord(protocol=PROTOCOL, split=split, n=len(scores), values=values, note=note)
