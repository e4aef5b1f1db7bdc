"""Outlines of objects along pixel edges, exact: the polygon's area is the pixel count.

The border between an object and everything else consists of unit steps along pixel edges. All
steps of all objects are found at once, straight stretches are joined to sides, and every side's
successor is looked up. Where two pixels of an object touch only at a corner, the outline passes
between the two pixels that are not part of it; around a 4-connected object every ring is then
simple, and rings meet in single points at most: a valid polygon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.measure import label as connected_parts

from napari_selfreg.core.bands import BAND_PIXELS, object_bands

Integers = npt.NDArray[np.int64]

_EAST, _SOUTH, _WEST, _NORTH = range(4)  # in the order of right turns, y pointing down


@dataclass(frozen=True, slots=True)
class Polygon:
    """One 4-connected part of an object.

    Parameters
    ----------
    label : int
        Object id.
    rings : tuple of ndarray of int64, shape (n, 2)
        The shell, then the holes. Corners ``(x, y)`` in pixels, where (0, 0) is the upper left
        corner of the image; the last corner is the first again. By the sign of their area shells
        run counter-clockwise and holes clockwise, as GeoJSON wants it.
    """

    label: int
    rings: tuple[Integers, ...]


@dataclass(frozen=True, slots=True)
class _Sides:
    """Straight stretches of outlines in one direction, the object on the right-hand side."""

    start: Integers  # vertex: index of the pixel up and left of it
    end: Integers
    turn: Integers  # direction of the next side


def trace_polygons(
    labels: npt.NDArray[np.integer[Any]], band: int = BAND_PIXELS
) -> Iterator[Polygon]:
    """Trace the outlines of all objects.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background. An object may have several parts: each is a polygon.
    band : int
        Pixels looked at together, which bounds the memory.

    Yields
    ------
    Polygon
        In bands from the top to the bottom, by ascending id within each; the parts of an object
        follow each other.
    """
    for rows, piece in object_bands(labels, band):
        yield from _trace(piece, rows.start)


def _trace(labels: npt.NDArray[np.integer[Any]], top: int) -> Iterator[Polygon]:
    """Trace all objects of a piece whose first row is row `top` of the image."""
    found = connected_parts(labels, connectivity=1, background=0)
    parts = np.pad(np.asarray(found, dtype=np.int32), 1)
    corners, first, part = _rings(parts)
    corners[:, 1] += top
    names = np.zeros(int(parts.max()) + 1, dtype=np.int64)
    names[parts[1:-1, 1:-1].ravel()] = labels.ravel()
    # Rings are found from the top, so the shell is the first of its part.
    order = np.lexsort((part, names[part]))
    behind = np.append(first[1:], len(corners)).tolist()
    begins = np.flatnonzero(np.append(True, np.diff(part[order]) != 0)).tolist()
    label = names[part[order]].tolist()
    start = first.tolist()
    ring = order.tolist()
    for low, high in pairwise([*begins, len(ring)]):
        rings = tuple(corners[start[i] : behind[i]] for i in ring[low:high])
        yield Polygon(label[low], rings)


def _rings(parts: npt.NDArray[Any]) -> tuple[Integers, Integers, Integers]:
    """Return corners (n, 2), index of each ring's first corner, and part of each ring.

    `parts` has a margin of one empty pixel.
    """
    width = parts.shape[1]
    flat = parts.ravel()
    sides = [_horizontal(flat, width, False), _vertical(parts, False)]
    sides += [_horizontal(flat, width, True), _vertical(parts, True)]
    start = np.concatenate([side.start for side in sides])
    heading = np.repeat(np.arange(4), [side.start.size for side in sides])
    end = np.concatenate([side.end for side in sides])
    turn = np.concatenate([side.turn for side in sides])
    key = start * 4 + heading
    sorter = np.argsort(key)
    following = sorter[np.searchsorted(key, end * 4 + turn, sorter=sorter)]
    tour, first = _walk(following.tolist(), sides[_EAST].start.size)
    tour_at = np.array(tour, dtype=np.int64)
    first_at = np.array(first, dtype=np.int64)
    y, x = np.divmod(start[tour_at], width)
    inside = start[tour_at[first_at]] + width + 1  # an eastward side has its object below it
    return np.stack([x, y], axis=1), first_at, flat[inside].astype(np.int64)


def _walk(following: list[int], n_east: int) -> tuple[list[int], list[int]]:
    """Follow every ring once; return the sides in order and where each ring begins."""
    seen = bytearray(len(following))
    tour: list[int] = []
    first: list[int] = []
    for side in range(n_east):  # every ring has an eastward side
        if seen[side]:
            continue
        first.append(len(tour))
        at = side
        while not seen[at]:
            seen[at] = 1
            tour.append(at)
            at = following[at]
        tour.append(side)
    return tour, first


def _horizontal(flat: npt.NDArray[Any], width: int, west: bool) -> _Sides:
    above = np.flatnonzero(flat[:-width] != flat[width:])
    if west:  # the object is above
        above = above[flat[above] != 0][::-1]
        end = above - 1
        return _join(flat[above], above, end, flat[end + width], flat[end], _WEST)
    above = above[flat[above + width] != 0]
    ahead = flat[above + 1], flat[above + width + 1]
    return _join(flat[above + width], above - 1, above, *ahead, _EAST)


def _vertical(parts: npt.NDArray[Any], north: bool) -> _Sides:
    flat, (height, width) = parts.ravel(), parts.shape
    turned = np.ascontiguousarray(parts.T).ravel()
    # Column by column, so that the steps of one side follow each other.
    x, y = np.divmod(np.flatnonzero(turned[:-height] != turned[height:]), height)
    left = y * width + x
    if north:  # the object is on the right
        left = left[flat[left + 1] != 0][::-1]
        end = left - width
        return _join(flat[left + 1], left, end, flat[end], flat[end + 1], _NORTH)
    left = left[flat[left] != 0]
    ahead = flat[left + width + 1], flat[left + width]
    return _join(flat[left], left - width, left, *ahead, _SOUTH)


def _join(
    inside: npt.NDArray[Any],
    start: Integers,
    end: Integers,
    ahead_left: npt.NDArray[Any],
    ahead_right: npt.NDArray[Any],
    heading: int,
) -> _Sides:
    """Join the steps of one direction, sorted along it, to sides that end where they turn."""
    left, straight = ahead_left == inside, ahead_right == inside
    last = np.flatnonzero(left | ~straight)
    begin = np.append(0, last[:-1] + 1) if last.size else last
    turn = np.where(left[last], (heading - 1) % 4, (heading + 1) % 4)
    return _Sides(start[begin], end[last], turn)
