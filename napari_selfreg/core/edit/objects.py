"""Tools for chosen objects: merge, delete, fill and smooth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.edit.change import (
    NOTHING,
    Edit,
    Labels,
    Mask,
    bounds,
    difference,
    padded,
    union,
)
from napari_selfreg.core.types import Box

_FEW = 8
"""Up to this many objects one comparison for each is faster than a search for all."""

_TABLE = 1 << 24
"""Below this largest id a table of all ids is small, and faster than a search."""

_TRUNCATE = 3.0
"""A Gaussian is cut this many sigmas away."""


def merge(labels: Labels, ids: Sequence[int]) -> Edit:
    """Make one object of several.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    ids : sequence of int
        The first one is the id of all afterwards; background is left out.

    Returns
    -------
    Edit
        Nothing that lies between them is filled.
    """
    wanted = _objects(ids)
    return _replace(labels, wanted[1:], wanted[0]) if wanted else NOTHING


def delete(labels: Labels, ids: Iterable[int]) -> Edit:
    """Make objects background.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    ids : iterable of int

    Returns
    -------
    Edit
    """
    return _replace(labels, _objects(ids), 0)


def fill_inside(labels: Labels, ids: Iterable[int]) -> Edit:
    """Fill the holes of objects.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    ids : iterable of int

    Returns
    -------
    Edit
        Background that an object encloses becomes the object; other objects in there stay. A hole
        that is open to the border of the image is none. Of two objects, one in the other, the
        inner one fills its holes first.
    """
    return _each(labels, ids, 1, enclosed)


def smooth_outline(labels: Labels, ids: Iterable[int], sigma: float = 2.0) -> Edit:
    """Smooth the outlines of objects.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    ids : iterable of int
    sigma : float
        Of the Gaussian in pixels: notches and spurs of about this size go.

    Returns
    -------
    Edit
        Objects grow over background only. One that is too thin for `sigma` stays as it is.
    """
    margin = math.ceil(_TRUNCATE * sigma) + 1
    return _each(labels, ids, margin, lambda own: _smoothed(own, sigma))


def enclosed(mask: Mask) -> Mask:
    """Return a mask with its holes filled.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)

    Returns
    -------
    ndarray of bool, shape (Y, X)
        Holes are 8-connected, because objects are 4-connected; one at the border of the array is
        open.
    """
    gaps, number = ndimage.label(~mask, np.ones((3, 3), dtype=bool))
    inside = np.ones(number + 1, dtype=bool)
    for border in (gaps[:1], gaps[-1:], gaps[:, :1], gaps[:, -1:]):
        inside[border] = False
    inside[0] = True
    return np.asarray(inside[gaps])


def object_mask(labels: Labels, ids: Sequence[int]) -> Mask:
    """Return where some objects are, a mask of shape (Y, X)."""
    if len(ids) == 1:
        return np.asarray(labels == ids[0])
    return np.asarray(_numbered(labels, ids) > 0)


def object_boxes(labels: Labels, ids: Sequence[int]) -> list[tuple[int, Box]]:
    """Return every one of some objects that is there with the box around it, smallest box first.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    ids : sequence of int
        Different from each other, none 0.

    Returns
    -------
    list of (int, Box)
    """
    if len(ids) <= _FEW:
        boxes = [(number, bounds(labels == number)) for number in ids]
    else:
        places = ndimage.find_objects(_numbered(labels, ids), max_label=len(ids))
        boxes = list(zip(sorted(ids), map(_box, places), strict=True))
    found = [(number, box) for number, box in boxes if not box.empty]
    return sorted(found, key=lambda one: (math.prod(one[1].shape), one[0]))


def _box(place: tuple[slice, slice] | None) -> Box:
    """Return what `find_objects` says as a box; empty for an object that is not there."""
    if place is None:
        return Box(0, 0, 0, 0)
    rows, columns = place
    return Box(rows.start, columns.start, rows.stop, columns.stop)


def _numbered(labels: Labels, ids: Sequence[int]) -> npt.NDArray[np.int32]:
    """Return 1 … n where the objects are, by ascending id, and 0 elsewhere; `ids` as above."""
    wanted = np.array(sorted(ids), dtype=np.int64)
    largest = int(labels.max(initial=0))
    wanted = wanted[: np.searchsorted(wanted, largest, side="right")]
    if largest < _TABLE:
        table = np.zeros(largest + 1, dtype=np.int32)
        table[wanted] = np.arange(1, wanted.size + 1)
        return np.asarray(table.take(labels))
    order = np.searchsorted(wanted, labels)
    hit = np.append(wanted, 0)[order] == labels
    return np.where(hit & (labels != 0), order + 1, 0).astype(np.int32)


def _objects(ids: Iterable[int]) -> list[int]:
    """Return ids without the background and without doubles, in their order."""
    return list(dict.fromkeys(int(number) for number in ids if number))


def _replace(labels: Labels, ids: Sequence[int], value: int) -> Edit:
    """Give all pixels of some objects another id."""
    mask = object_mask(labels, ids)
    box = bounds(mask)
    before = labels[box.slices]
    return difference(box, before, np.where(mask[box.slices], value, before))


def _each(labels: Labels, ids: Iterable[int], margin: int, reshape: Callable[[Mask], Mask]) -> Edit:
    """Give objects another shape, one after the other; they take background only."""
    found = [(i, padded(box, margin, labels)) for i, box in object_boxes(labels, _objects(ids))]
    if not found:
        return NOTHING
    around = union(box for _, box in found)
    before = labels[around.slices]
    after = before.copy()
    for number, box in found:
        block = after[box.shift(-around.y0, -around.x0).slices]
        own = block == number
        shape = reshape(own)
        block[own & ~shape] = 0
        block[shape & (block == 0)] = number
    return difference(around, before, after)


def _smoothed(own: Mask, sigma: float) -> Mask:
    """Return a mask after a Gaussian; the mask itself if nothing would be left."""
    level = ndimage.gaussian_filter(
        own.astype(np.float32), sigma, mode="nearest", truncate=_TRUNCATE
    )
    smooth = np.asarray(level >= 0.5)
    return smooth if smooth.any() else own
