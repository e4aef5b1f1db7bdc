"""Object Hausdorff distance as the GlaS contest defines it, without comparing all with all."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_selfreg.core.metrics.contingency import Contingency, Counts, renumbered
from napari_selfreg.core.metrics.overlap import Labels

_Points = npt.NDArray[np.float64]
_ANGLES = np.arange(16) * (math.tau / 16)
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)])
_FEW = 4096
"""Up to so many pairs of points a plain table beats a search tree."""
_ROUNDING = 1e-6


def object_hausdorff(
    prediction: Labels, truth: Labels, spacing: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Return the object Hausdorff distance of the GlaS contest.

    Half of the sum over predicted objects of their Hausdorff distance to the true object they share
    most pixels with, weighted by area, plus half of the same sum over true objects. An object that
    meets none is compared with the nearest one (in the same distance). Objects are the sets of all
    their pixels, not only of their outlines, as in the contest's program
    (https://doi.org/10.1016/j.media.2016.08.008, section 4).

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (y, x)
        Object ids, 0 = background.
    spacing : (float, float), optional
        Size of a pixel along y and x. The default (1, 1) gives pixels of the given grid, the unit
        of published GlaS tables; give µm per pixel to get µm.

    Returns
    -------
    float
        At least 0, in the unit of `spacing`; 0 where both maps are empty. Where only one is empty
        the contest's program gives infinity, which no mean survives: here it is the diagonal of the
        image, the largest distance two of its pixels can have.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    table = Contingency.of(prediction, truth)
    if not len(table.prediction_areas) or not len(table.truth_areas):
        empty = not len(table.prediction_areas) and not len(table.truth_areas)
        return 0.0 if empty else diagonal(truth.shape, spacing)
    predicted, true = _Objects(prediction, spacing), _Objects(truth, spacing)

    @cache
    def distance(row: int, column: int) -> float:
        there = _directed(predicted, row, true, column)
        return max(there, _directed(true, column, predicted, row))

    by_prediction = _distances(table.best_truth(), predicted, true, distance)
    by_truth = _distances(
        table.best_prediction(), true, predicted, lambda column, row: distance(row, column)
    )
    return 0.5 * float(
        np.average(by_prediction, weights=table.prediction_areas)
        + np.average(by_truth, weights=table.truth_areas)
    )


class _Objects:
    """The objects of one map, known by their borders and bounding boxes."""

    def __init__(self, labels: Labels, spacing: tuple[float, float]) -> None:
        _, self.labels = renumbered(labels)
        self.spacing = np.array(spacing, dtype=np.float64)
        self.boxes = ndimage.find_objects(self.labels)
        # the pixel of an object nearest to a point outside always lies at the object's border
        self.borders = _by_object(self.labels, _at_border(self.labels))
        # how far every object reaches in each direction, shape (objects, directions)
        self.extents = np.array(
            [((border * self.spacing) @ _DIRECTIONS).max(axis=0) for border in self.borders]
        )
        self._trees: dict[int, cKDTree] = {}

    def distances_to(self, number: int, points: _Points) -> _Points:
        """Return the distance from points outside one object to its nearest pixel."""
        border = self.borders[number] * self.spacing
        if len(points) * len(border) <= _FEW:
            squares = ((points[:, None] - border) ** 2).sum(axis=-1)
            return np.asarray(np.sqrt(squares.min(axis=1)))
        if number not in self._trees:
            self._trees[number] = cKDTree(border)
        return np.asarray(self._trees[number].query(points)[0])


def _distances(
    partners: Counts, objects: _Objects, others: _Objects, distance: Callable[[int, int], float]
) -> list[float]:
    """Return the distance of every object to its partner, or to the nearest where it has none."""
    return [
        distance(number, partner) if partner >= 0 else _nearest(number, objects, others, distance)
        for number, partner in enumerate(partners.tolist())
    ]


def _nearest(
    number: int, objects: _Objects, others: _Objects, distance: Callable[[int, int], float]
) -> float:
    # two sets whose reach differs by d in any direction are at least d apart in this distance, so
    # most candidates are ruled out without looking at their pixels
    bounds = np.abs(others.extents - objects.extents[number]).max(axis=1)
    nearest = math.inf
    for other in np.argsort(bounds).tolist():
        if bounds[other] >= nearest:
            break
        nearest = min(nearest, distance(number, other))
    return nearest


def _directed(source: _Objects, i: int, target: _Objects, j: int) -> float:
    """Return how far the pixel of object `i` farthest from object `j` is from it.

    From a pixel beyond the target's bounding box one step away from the box leads farther from all
    of the target. So the farthest pixel lies at the source's border, or within that box.
    """
    border = source.borders[i]
    points = np.concatenate(
        [
            border[target.labels[border[:, 0], border[:, 1]] != j + 1],
            _rest_within(source, i, target, j),
        ]
    )
    if not len(points):
        return 0.0
    places = points * source.spacing
    return float(target.distances_to(j, _far(places, target.boxes[j], source.spacing)).max())


def _rest_within(source: _Objects, i: int, target: _Objects, j: int) -> npt.NDArray[np.int64]:
    """Return the pixels of object `i` in the bounding box of `j` that `j` does not have."""
    pairs = list(zip(source.boxes[i], target.boxes[j], strict=True))
    starts = [max(a.start, b.start) for a, b in pairs]
    common = tuple(
        slice(start, max(start, min(a.stop, b.stop)))
        for start, (a, b) in zip(starts, pairs, strict=True)
    )
    rest = (source.labels[common] == i + 1) & (target.labels[common] != j + 1)
    return np.argwhere(rest) + np.array(starts, dtype=np.int64)


def _far(points: _Points, box: tuple[slice, slice], spacing: _Points) -> _Points:
    """Drop points that cannot be the farthest from what lies in `box`."""
    low = np.array([side.start for side in box]) * spacing
    high = np.array([side.stop - 1 for side in box]) * spacing
    radius = float(np.linalg.norm(high - low)) / 2
    # the distance to anything in the box is the one to its middle, give or take the radius
    from_middle = np.linalg.norm(points - (low + high) / 2, axis=1)
    kept: _Points = points[from_middle >= from_middle.max() - 2 * radius - _ROUNDING]
    return kept


def _by_object(labels: Counts, mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Return the (y, x) of the pixels in `mask`, one array for each id 1 … n."""
    index = np.flatnonzero(mask)
    values = labels.ravel()[index]
    order = np.argsort(values, kind="stable")
    points = np.stack(np.unravel_index(index[order], labels.shape), axis=1).astype(np.int64)
    return np.split(points, np.cumsum(np.bincount(values)[1:])[:-1])


def _at_border(labels: Counts) -> npt.NDArray[np.bool_]:
    """Mark pixels of objects with a 4-neighbour outside their object (or outside the image)."""
    around = np.pad(labels, 1)
    inner = np.ones(labels.shape, dtype=bool)
    for neighbour in (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]):
        inner &= neighbour == labels
    return (labels > 0) & ~inner


def diagonal(shape: tuple[int, ...], spacing: tuple[float, ...]) -> float:
    """Return the largest distance that two pixels or voxels of a grid can have."""
    return math.hypot(*((n - 1) * size for n, size in zip(shape, spacing, strict=True)))
