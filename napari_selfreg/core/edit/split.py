"""Cut objects along a drawn line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.edit.change import (
    NOTHING,
    Edit,
    Labels,
    Mask,
    Point,
    difference,
    free_id,
    union,
    whole,
)
from napari_selfreg.core.edit.objects import object_boxes
from napari_selfreg.core.edit.paths import pixels_of_path
from napari_selfreg.core.separation import connected

SMALLEST_PX = 4
"""Smaller pieces come from a trembling hand."""

Pieces = npt.NDArray[np.int32]


def split(
    labels: Labels,
    path: Sequence[Point],
    ids: Iterable[int] | None = None,
    *,
    new_id: int | None = None,
    smallest: int = SMALLEST_PX,
) -> Edit:
    """Cut objects where a line goes right through them.

    No pixel is lost: those under the line go to the nearest piece of the object, or to the larger
    of two that are equally near.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    path : sequence of (float, float)
        Corners of the line, at least one.
    ids : iterable of int, optional
        Objects that may be cut; by default all that the line meets.
    new_id : int, optional
        First of the new ids; by default the one behind the largest.
    smallest : int
        Pieces of fewer pixels stay with their neighbour.

    Returns
    -------
    Edit
        The largest piece keeps the id, the others get new ones. Nothing where the line ends within
        an object. Of an object in several parts, each part is cut by itself.

    Raises
    ------
    BadInputError
        If the labels cannot hold the new ids.
    """
    line = np.stack(pixels_of_path(path, whole(labels)))
    met = set(np.unique(labels[tuple(line)]).tolist()) - {0}
    found = object_boxes(labels, sorted(met if ids is None else met.intersection(ids)))
    if not found:
        return NOTHING
    around = union(box for _, box in found)
    before = labels[around.slices]
    pieces = np.zeros(before.shape, dtype=np.int32)
    for number, box in found:
        inner = box.shift(-around.y0, -around.x0)
        own = before[inner.slices] == number
        cut = cut_pieces(own, own & _drawn(line, (box.y0, box.x0), own.shape), smallest)
        pieces[inner.slices] += np.where(cut > 0, cut + pieces.max(), 0)
    total = int(pieces.max())
    if not total:
        return NOTHING
    first = free_id(labels, new_id, total)
    return difference(around, before, np.where(pieces > 0, pieces + (first - 1), before))


def cut_pieces(own: Mask, line: Mask, smallest: int = SMALLEST_PX) -> Pieces:
    """Return the pieces of an object that a line cuts off.

    Parameters
    ----------
    own : ndarray of bool, shape (Y, X)
        Pixels of the object.
    line : ndarray of bool, shape (Y, X)
        Pixels of the object under the line.
    smallest : int
        Pieces of fewer pixels (without those of the line) are none.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 outside of the object and on its largest piece, 1 … n on the others, by falling size.
        Every piece is 4-connected.
    """
    pieces = connected(own & ~line)
    sizes = np.bincount(pieces.ravel())
    part = np.zeros(sizes.size, dtype=np.int32)
    part[pieces] = connected(own)
    order = np.argsort(-sizes, kind="stable")
    order = order[(order > 0) & (sizes[order] >= smallest)]
    _, largest = np.unique(part[order], return_index=True)
    rest = np.delete(order, largest)
    number = np.zeros(sizes.size, dtype=np.int32)
    number[order[largest]] = 1
    number[rest] = np.arange(2, rest.size + 2)
    return np.asarray(np.maximum(_spread(number[pieces], own) - 1, 0), dtype=np.int32)


def _drawn(line: npt.NDArray[np.intp], origin: tuple[int, int], shape: tuple[int, ...]) -> Mask:
    """Return a mask of those pixels of a line that lie in a block."""
    mask = np.zeros(shape, dtype=bool)
    rows, columns = line - np.asarray(origin)[:, None]
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    mask[rows[inside], columns[inside]] = True
    return mask


def _spread(numbers: Pieces, own: Mask) -> Pieces:
    """Give every pixel without a number that of its nearest 4-neighbour, the lowest of equals."""
    space = np.pad(numbers, 1)
    rows, columns = (axis + 1 for axis in np.nonzero(own & (numbers == 0)))
    far = np.iinfo(np.int32).max
    while rows.size:
        beside = np.stack([
            space[rows - 1, columns],
            space[rows + 1, columns],
            space[rows, columns - 1],
            space[rows, columns + 1],
        ])  # fmt: skip
        nearest = np.where(beside > 0, beside, far).min(axis=0)
        reached = nearest < far
        if not reached.any():  # parts of the object without a piece
            break
        space[rows[reached], columns[reached]] = nearest[reached]
        rows, columns = rows[~reached], columns[~reached]
    return space[1:-1, 1:-1]
