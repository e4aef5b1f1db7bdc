"""Convex hulls of all objects of a label image at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.runs import Runs

Integers = npt.NDArray[np.int64]


def hull_pixels(
    runs: Runs, position: npt.NDArray[np.integer[Any]], n_objects: int
) -> npt.NDArray[np.int64]:
    """Count the pixels whose centres lie in the convex hull of each object.

    As in scikit-image, the hull spans the middles of the pixels' edges. All arithmetic is in
    whole numbers, so a convex object has exactly as many pixels as its hull.

    Parameters
    ----------
    runs : Runs
        Of the label image.
    position : ndarray of int, shape (runs,)
        Object of each run, 0 … n_objects - 1.
    n_objects : int
        How many objects there are; each has a run.

    Returns
    -------
    ndarray of int64, shape (n_objects,)
        Never less than the pixels of the object.
    """
    if n_objects == 0:
        return np.zeros(0, dtype=np.int64)
    owner, row, left, right = _extremes(runs, position)
    # Every row of an object from its first to its last, also those it does not touch.
    begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    top, bottom = row[begins], row[np.append(begins[1:], owner.size) - 1]
    rows = bottom - top + 1
    all_owner = np.repeat(np.arange(n_objects), rows)
    all_row = np.arange(rows.sum()) + np.repeat(top - (np.cumsum(rows) - rows), rows)
    first = _hull_side(owner, row, left, all_owner, all_row)
    last = -_hull_side(owner, row, -right, all_owner, all_row)  # the mirror image's left side
    return np.bincount(all_owner, last - first + 1, n_objects).astype(np.int64)


def _extremes(
    runs: Runs, position: npt.NDArray[np.integer[Any]]
) -> tuple[Integers, Integers, Integers, Integers]:
    """Return object, row, first and last column of every row of every object, in that order."""
    order = np.argsort(position, kind="stable")
    owner, row = position[order].astype(np.int64), runs.row[order]
    fresh = np.append(True, (owner[1:] != owner[:-1]) | (row[1:] != row[:-1]))
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], owner.size) - 1
    return owner[first], row[first], runs.start[order][first], runs.stop[order][last] - 1


def _hull_side(
    owner: Integers, row: Integers, left: Integers, all_owner: Integers, all_row: Integers
) -> Integers:
    """Return the first column inside the hull for each of the given rows."""
    # Coordinates are doubled so that the middles of edges are whole numbers.
    owners = np.repeat(owner, 3)
    rows = np.repeat(2 * row, 3) + np.tile([-1, 0, 1], row.size)
    edges = np.repeat(2 * left, 3) - np.tile([0, 1, 0], row.size)
    first = np.flatnonzero(np.append(True, (owners[1:] != owners[:-1]) | (rows[1:] != rows[:-1])))
    edges = np.minimum.reduceat(edges, first)
    owners, rows, edges = _left_hull(owners[first], rows[first], edges)
    stride = int(rows.max()) + 2
    before = np.searchsorted(owners * stride + rows, all_owner * stride + 2 * all_row, "right") - 1
    height = rows[before + 1] - rows[before]
    ahead = 2 * all_row - rows[before]
    numerator = edges[before] * height + (edges[before + 1] - edges[before]) * ahead
    return np.asarray(-(-numerator // (2 * height)), dtype=np.int64)


def _left_hull(
    owner: Integers, row: Integers, edge: Integers
) -> tuple[Integers, Integers, Integers]:
    """Keep the corners of the left side of each object's hull.

    Every pass drops all points that lie on or right of the line between their neighbours. None
    of them is a corner, so all may go at once; objects without such a point are finished.
    """
    finished: list[tuple[Integers, Integers, Integers]] = []
    while owner.size:
        step_row, step_edge = np.diff(row), np.diff(edge)
        dropped = np.zeros(owner.size, dtype=bool)
        dropped[1:-1] = (
            (owner[1:-1] == owner[:-2])
            & (owner[1:-1] == owner[2:])
            & (step_edge[:-1] * step_row[1:] >= step_edge[1:] * step_row[:-1])
        )
        unfinished = np.zeros(int(owner[-1]) + 1, dtype=bool)
        unfinished[owner[dropped]] = True
        done = ~unfinished[owner]
        finished.append((owner[done], row[done], edge[done]))
        kept = ~done & ~dropped
        owner, row, edge = owner[kept], row[kept], edge[kept]
    owners, rows, edges = (np.concatenate(parts) for parts in zip(*finished, strict=True))
    order = np.argsort(owners, kind="stable")
    return owners[order], rows[order], edges[order]
