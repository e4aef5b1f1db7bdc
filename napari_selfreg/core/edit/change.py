"""What a tool would change: a block of labels before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box

Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]
Point = tuple[float, float]
"""(y, x) in pixels of the label array; whole numbers are the centres of pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One change of a label image, with absolute values; can be turned round.

    Parameters
    ----------
    box : Box
        Smallest block of the label array that holds all changed pixels; empty if none changed.
    before, after : ndarray of int, shape of `box`
        Ids in the block; read-only copies.
    ids : tuple of int
        Objects with a pixel more or less, ascending, without the background.
    """

    box: Box
    before: Labels
    after: Labels
    ids: tuple[int, ...]

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return not self.box.empty

    def reversed(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(self.box, self.after, self.before, self.ids)

    def pixels(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Labels]:
        """Return the changed pixels only.

        Returns
        -------
        rows, columns : ndarray of int, shape (n,)
            In the label array.
        values : ndarray of int, shape (n,)
            New ids.
        """
        rows, columns = np.nonzero(self.before != self.after)
        return rows + self.box.y0, columns + self.box.x0, self.after[rows, columns]


NOTHING = Edit(Box(0, 0, 0, 0), np.zeros((0, 0), np.int32), np.zeros((0, 0), np.int32), ())
"""The edit that changes no pixel."""


def apply(labels: Labels, edit: Edit) -> None:
    """Write an edit into labels, in place.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        The array the edit was made for, or a copy.
    edit : Edit
    """
    if edit:
        labels[edit.box.slices] = edit.after


def difference(box: Box, before: Labels, after: npt.NDArray[Any]) -> Edit:
    """Return the edit between two states of a block.

    Parameters
    ----------
    box : Box
        Where the block lies in the label array.
    before, after : ndarray of int, shape of `box`

    Returns
    -------
    Edit
        Cut to what changed, with the dtype of `before`.
    """
    changed = before != after
    inner = bounds(changed)
    if inner.empty:
        return NOTHING
    old, new = before[inner.slices].copy(), after[inner.slices].astype(before.dtype)
    touched = changed[inner.slices]
    ids = np.union1d(_few(old[touched]), _few(new[touched]))
    for block in (old, new):
        block.setflags(write=False)
    return Edit(inner.shift(box.y0, box.x0), old, new, tuple(ids[ids != 0].tolist()))


def _few(ids: Labels) -> Labels:
    """Return ids without those that follow themselves: a search for all is faster then."""
    return np.append(ids[:1], ids[1:][ids[1:] != ids[:-1]])


def bounds(mask: Mask) -> Box:
    """Return the smallest box around the true pixels of a mask, shape (Y, X)."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return Box(0, 0, 0, 0)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return Box(top, int(columns[0]), bottom, int(columns[-1]) + 1)


def whole(labels: npt.NDArray[Any]) -> Box:
    """Return the box of an entire image, shape (Y, X, ...)."""
    return Box(0, 0, labels.shape[0], labels.shape[1])


def padded(box: Box, margin: int, labels: Labels) -> Box:
    """Return a box with a margin, as far as the image reaches."""
    wide = Box(box.y0 - margin, box.x0 - margin, box.y1 + margin, box.x1 + margin)
    return wide.intersect(whole(labels))


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around at least one box."""
    y0, x0, y1, x1 = zip(*((box.y0, box.x0, box.y1, box.x1) for box in boxes), strict=True)
    return Box(min(y0), min(x0), max(y1), max(x1))


def pixel_of(point: Point) -> tuple[int, int]:
    """Return row and column of the pixel under a point."""
    return int(np.floor(point[0] + 0.5)), int(np.floor(point[1] + 0.5))


def id_at(labels: Labels, point: Point) -> int:
    """Return the object under a point; 0 on background and outside of the image."""
    y, x = pixel_of(point)
    inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
    return int(labels[y, x]) if inside else 0


def next_id(labels: Labels, more: int = 1) -> int:
    """Return the id behind the largest one.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    more : int
        How many new ids there must be room for.

    Returns
    -------
    int

    Raises
    ------
    BadInputError
        If the dtype of `labels` cannot hold them.
    """
    free = int(labels.max(initial=0)) + 1
    check_room(labels, free, more)
    return free


def check_room(labels: Labels, first: int, more: int = 1) -> None:
    """Raise BadInputError if the labels cannot hold `more` ids from `first` on."""
    if first + more - 1 > np.iinfo(labels.dtype).max:
        raise BadInputError(
            "These labels have no number left for another object: save them as 32-bit labels."
        )


def free_id(labels: Labels, wanted: int | None, more: int = 1) -> int:
    """Return `wanted`, or the id behind the largest; BadInputError if there is no room."""
    if wanted is None:
        return next_id(labels, more)
    check_room(labels, wanted, more)
    return wanted
