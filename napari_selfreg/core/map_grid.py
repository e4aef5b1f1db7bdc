"""Where the pixels of a feature map lie on the image, and maps brought onto one another's grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from napari_selfreg.core.half import to_single
from napari_selfreg.core.moments import Doubles, Maps

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class MapGrid:
    """A grid of map pixels on an image.

    Parameters
    ----------
    shape : tuple of int
        Map pixels along each axis.
    scale : tuple of float
        Image pixels per map pixel along each axis.
    translate : tuple of float
        Centre of the first map pixel, in image pixels; centres of image pixels are whole numbers.
    """

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]

    def centres(self, axis: int) -> Doubles:
        """Return the centres of the map pixels along an axis, in image pixels."""
        steps: Doubles = np.arange(self.shape[axis], dtype=np.float64)
        return self.translate[axis] + self.scale[axis] * steps

    def nearest(self, points: npt.ArrayLike, axis: int) -> npt.NDArray[np.intp]:
        """Return the map pixels that hold image coordinates along an axis, the last at the ends."""
        steps = (np.asarray(points, np.float64) - self.translate[axis]) / self.scale[axis]
        indices = np.floor(steps + 0.5 + _ROUNDING).astype(np.intp)
        return np.clip(indices, 0, self.shape[axis] - 1)


def mean_onto(maps: Maps, source: MapGrid, target: MapGrid) -> npt.NDArray[np.float32]:
    """Return maps as seen on another grid of the same image.

    Each target pixel is the mean of the map pixels whose centres lie in it; where there are none
    (the target is finer, or reaches further) the nearest.

    Parameters
    ----------
    maps : ndarray, shape (C, *source.shape)
        Any floating type.
    source, target : MapGrid
        Of equally many axes.

    Returns
    -------
    ndarray of float32, shape (C, *target.shape)
    """
    values: npt.NDArray[Any] = maps
    for axis in range(len(source.shape)):
        moved = np.moveaxis(values, axis + 1, 0)
        flat = to_single(np.ascontiguousarray(moved)).reshape(len(moved), -1)
        means = _averaging(source, target, axis) @ flat
        values = np.moveaxis(means.reshape(-1, *moved.shape[1:]), 0, axis + 1)
    return np.ascontiguousarray(values, np.float32)


def _averaging(source: MapGrid, target: MapGrid, axis: int) -> sparse.csr_array:
    """Return the matrix (target, source) of one axis; its rows sum to 1."""
    centres = source.centres(axis)
    steps = (centres - target.translate[axis]) / target.scale[axis]
    rows = np.floor(steps + 0.5 + _ROUNDING).astype(np.intp)
    columns = np.arange(len(rows))
    inside = (rows >= 0) & (rows < target.shape[axis])
    rows, columns = rows[inside], columns[inside]
    empty = np.setdiff1d(np.arange(target.shape[axis]), rows)
    rows = np.concatenate([rows, empty])
    columns = np.concatenate([columns, source.nearest(target.centres(axis)[empty], axis)])
    counts = np.bincount(rows, minlength=target.shape[axis])
    weights = (1 / counts[rows]).astype(np.float32)
    return sparse.csr_array((weights, (rows, columns)), shape=(len(counts), len(centres)))
