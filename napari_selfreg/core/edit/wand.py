"""The wand: a connected area that looks like the place that was clicked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.edit.change import (
    NOTHING,
    Edit,
    Labels,
    Mask,
    Point,
    difference,
    free_id,
    id_at,
    pixel_of,
    whole,
)
from napari_selfreg.core.edit.objects import enclosed
from napari_selfreg.core.separation import connected
from napari_selfreg.core.stain import od_from_rgb
from napari_selfreg.core.types import Box

REACH = 320
"""The wand goes at most this many pixels from the click along each axis: an answer within 50 ms."""

TOLERANCE = 0.1
"""Usual difference in optical density between pixels of one tissue."""

SMOOTH_PX = 1.5
"""Colours are compared after a Gaussian of this sigma: single pixels are noisy."""


def grow_similar(
    labels: Labels,
    patch: npt.NDArray[np.uint8],
    box: Box,
    start: Point,
    tolerance: float = TOLERANCE,
    *,
    smooth: float = SMOOTH_PX,
    new_id: int | None = None,
) -> Edit:
    """Grow an object over connected pixels of a similar colour.

    Starting in an object extends it, starting on background makes a new one. Only background is
    taken, and what the area encloses of it.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    patch : ndarray of uint8, shape (y, x, 3) or (y, x)
        The picture in `box`.
    box : Box
        Part of the label array that the wand may change.
    start : (float, float)
        The pixel that was clicked.
    tolerance : float
        Largest difference in optical density to the clicked place (Euclidean over the channels).
    smooth : float
        Sigma in pixels of the Gaussian before comparing; 0 for none.
    new_id : int, optional
        Id of a new object; by default the one behind the largest.

    Returns
    -------
    Edit
        Nothing if `start` lies outside of `box` or the picture.

    Raises
    ------
    ValueError
        If `patch` does not have the height and width of `box`.
    BadInputError
        If the labels cannot hold another id.
    """
    _check(patch.shape[:2], box)
    if not _holds(box, labels, start):
        return NOTHING
    y, x = pixel_of(start)
    squared = _squared_difference(patch, (y - box.y0, x - box.x0), smooth)
    return _grow(labels, squared <= tolerance * tolerance, box, start, new_id)


def _squared_difference(
    patch: npt.NDArray[np.uint8], place: tuple[int, int], smooth: float
) -> npt.NDArray[np.float32]:
    """Return how far the optical density of every pixel is from that of a place, squared."""
    squared = np.zeros(patch.shape[:2], np.float32)
    channels = np.moveaxis(patch if patch.ndim == 3 else patch[..., None], -1, 0)
    for channel in channels:  # one after the other: smoothing what lies together is faster
        density = od_from_rgb(np.ascontiguousarray(channel))
        if smooth > 0:
            density = ndimage.gaussian_filter(density, smooth, mode="nearest", truncate=3)
        squared += np.square(density - density[place])
    return squared


def grow_probable(
    labels: Labels,
    probability: npt.NDArray[np.floating[Any]],
    box: Box,
    start: Point,
    tolerance: float = 0.3,
    *,
    new_id: int | None = None,
) -> Edit:
    """Grow an object over connected pixels that a network found almost as probable.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    probability : ndarray of float, shape (y, x)
        Probability of an object in `box`; unknown (NaN) is never taken.
    box : Box
        Part of the label array that the wand may change.
    start : (float, float)
        The pixel that was clicked.
    tolerance : float
        How much less probable than there a pixel may be.
    new_id : int, optional
        Id of a new object; by default the one behind the largest.

    Returns
    -------
    Edit
        Otherwise as `grow_similar`.

    Raises
    ------
    ValueError
        If `probability` does not have the shape of `box`.
    BadInputError
        If the labels cannot hold another id.
    """
    _check(probability.shape, box)
    if not _holds(box, labels, start):
        return NOTHING
    y, x = pixel_of(start)
    least = probability[y - box.y0, x - box.x0] - tolerance
    return _grow(labels, np.asarray(probability >= least), box, start, new_id)


def _check(shape: tuple[int, ...], box: Box) -> None:
    if shape != box.shape:
        raise ValueError(f"a patch of {shape} does not fill a box of {box.shape}")


def _holds(box: Box, labels: Labels, point: Point) -> bool:
    """Return whether a point lies in the box, and the box in the image."""
    y, x = pixel_of(point)
    under = Box(y, x, y + 1, x + 1)
    return box.intersect(whole(labels)) == box and under.intersect(box) == under


def _grow(labels: Labels, similar: Mask, box: Box, start: Point, new_id: int | None) -> Edit:
    """Give the similar background that is connected with the start to its object."""
    before = labels[box.slices]
    target = id_at(labels, start)
    own = (before == target) if target else np.zeros(before.shape, dtype=bool)
    parts = connected((similar & (before == 0)) | own)
    y, x = pixel_of(start)
    part = parts[y - box.y0, x - box.x0]
    if not part:  # its own place is unknown
        return NOTHING
    area = enclosed(parts == part) & (before == 0)
    value = target or free_id(labels, new_id)
    return difference(box, before, np.where(area, value, before))
