"""Where a pointer went, in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from skimage.draw import line

from napari_selfreg.core.edit.change import Mask, Point, pixel_of
from napari_selfreg.core.types import Box

Places = npt.NDArray[np.intp]


def sweep(path: Sequence[Point], radius: float, image: Box) -> tuple[Box, Mask]:
    """Return where a disc goes along a path.

    Parameters
    ----------
    path : sequence of (float, float)
        At least one point.
    radius : float
        In pixels.
    image : Box
        Pixels outside of it are left out.

    Returns
    -------
    box : Box
        Around the swept pixels, with a margin of a pixel; possibly empty.
    swept : ndarray of bool, shape of `box`
        Pixels whose centre is at most `radius` away from the path.
    """
    box = _around(path, radius, image)
    swept = np.zeros(box.shape, dtype=bool)
    if box.empty:
        return box, swept
    for begin, end in zip(path, path[1:] or path, strict=False):
        part = _around((begin, end), radius, image)
        if not part.empty:
            swept[part.shift(-box.y0, -box.x0).slices] |= _near(begin, end, radius, part)
    return box, swept


def _around(path: Sequence[Point], radius: float, image: Box) -> Box:
    """Return the box within `radius` of a path, and a pixel more, clipped to the image."""
    low, high = np.min(path, axis=0) - radius, np.max(path, axis=0) + radius
    y0, x0 = (math.floor(value) - 1 for value in low)
    y1, x1 = (math.ceil(value) + 2 for value in high)
    return Box(y0, x0, y1, x1).intersect(image)


def _near(begin: Point, end: Point, radius: float, box: Box) -> Mask:
    """Mark the pixels of a box at most `radius` away from a straight piece of a path."""
    y = np.arange(box.y0, box.y1, dtype=np.float64)[:, None] - begin[0]
    x = np.arange(box.x0, box.x1, dtype=np.float64)[None, :] - begin[1]
    dy, dx = end[0] - begin[0], end[1] - begin[1]
    length = dy * dy + dx * dx
    along = np.clip((y * dy + x * dx) / length, 0.0, 1.0) if length > 0 else 0.0
    return np.asarray((y - along * dy) ** 2 + (x - along * dx) ** 2 <= radius * radius)


def pixels_of_path(path: Sequence[Point], box: Box) -> tuple[Places, Places]:
    """Return rows and columns, in the box, of the pixels under a path."""
    pixels = [pixel_of(point) for point in path]
    pairs = zip(pixels, pixels[1:] or pixels, strict=False)
    pieces = [np.stack(line(*begin, *end)) for begin, end in pairs]
    rows, columns = np.concatenate(pieces, axis=1) - np.array([[box.y0], [box.x0]])
    inside = (rows >= 0) & (rows < box.shape[0]) & (columns >= 0) & (columns < box.shape[1])
    return rows[inside], columns[inside]
