"""Separable antialiased linear resampling on global coordinates.

Pixel ``j`` of a grid of ``n_out`` pixels lies at ``(j + 0.5) * n_in / n_out - 0.5`` of a grid of
``n_in``. The filter is a triangle as wide as the coarser of both grids (linear interpolation when
enlarging, antialiasing when shrinking), cut and renormalised at the borders: the filter of
Pillow's BILINEAR. Because it depends on global coordinates only, a tile is exactly the crop of
the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from napari_selfreg.core.types import Box, PixelSize

SNAP = 0.02
"""Relative difference of pixel sizes below which resampling is left out."""


class ArrayLike(Protocol):
    """Anything that is sliced into numpy arrays: numpy, memmap, zarr, a slide level."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis, in pixels."""
        ...

    def __getitem__(self, key: Any, /) -> Any:
        """Return the selected part."""
        ...


@dataclass(frozen=True, slots=True)
class AxisFilter:
    """The part of a resampling matrix that makes some output pixels of one axis.

    Parameters
    ----------
    first, last : int
        Half-open range of input pixels that are needed.
    matrix : csr_array, shape (n_outputs, last - first)
        Weights, float32; each row sums to 1.
    """

    first: int
    last: int
    matrix: sparse.csr_array


def model_shape(
    shape: tuple[int, int], pixel_size: PixelSize, target: PixelSize
) -> tuple[int, int]:
    """Return the size of an image once its pixels are as large as `target`.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    pixel_size, target : PixelSize
        Present and wanted size of a pixel, in micrometres. Sizes that differ by less than
        2 % count as equal.

    Returns
    -------
    tuple of int
        Height and width, at least 1.
    """
    return (
        scaled_length(shape[0], pixel_size.y / target.y),
        scaled_length(shape[1], pixel_size.x / target.x),
    )


def scaled_length(length: int, factor: float) -> int:
    """Return the length of an axis once it has `factor` times as many pixels, at least 1.

    Factors that differ from 1 by less than `SNAP` count as 1.
    """
    return length if abs(factor - 1) < SNAP else max(1, round(length * factor))


@lru_cache(maxsize=256)
def axis_filter(n_in: int, n_out: int, start: int, stop: int) -> AxisFilter:
    """Return the filter for output pixels ``[start, stop)`` of an axis.

    Parameters
    ----------
    n_in, n_out : int
        Length of the whole axis before and after.
    start, stop : int
        Wanted output pixels.

    Returns
    -------
    AxisFilter
    """
    ratio = n_in / n_out
    support = max(1.0, ratio)
    centres = (np.arange(start, stop) + 0.5) * ratio
    lowest = np.floor(centres - support).astype(np.int64)
    sources = lowest[:, None] + np.arange(math.ceil(2 * support) + 2)
    weights = np.maximum(0.0, 1 - np.abs(sources + 0.5 - centres[:, None]) / support)
    weights[(sources < 0) | (sources >= n_in)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights > 0
    first, last = int(sources[used].min()), int(sources[used].max()) + 1
    rows = np.broadcast_to(np.arange(stop - start)[:, None], used.shape)
    matrix = sparse.csr_array(
        (weights[used].astype(np.float32), (rows[used], sources[used] - first)),
        shape=(stop - start, last - first),
    )
    return AxisFilter(first, last, matrix)


def source_box(in_shape: tuple[int, int], out_shape: tuple[int, int], box: Box) -> Box:
    """Return the input pixels that the output pixels of `box` are made of."""
    rows = axis_filter(in_shape[0], out_shape[0], box.y0, box.y1)
    columns = axis_filter(in_shape[1], out_shape[1], box.x0, box.x1)
    return Box(rows.first, columns.first, rows.last, columns.last)


def resample_region(source: ArrayLike, out_shape: tuple[int, int], box: Box) -> npt.NDArray[Any]:
    """Return part of an image as it looks on another grid, reading only what is needed.

    Parameters
    ----------
    source : array-like, shape (Y, X) or (Y, X, C)
        The whole image; sliced once.
    out_shape : tuple of int
        Height and width of the whole image on the other grid.
    box : Box
        The part that is wanted, in pixels of the other grid, inside it.

    Returns
    -------
    ndarray, shape (y, x) or (y, x, C)
        The source's own dtype when both grids are the same, else float32.
    """
    in_shape = (source.shape[0], source.shape[1])
    if in_shape == out_shape:
        return np.asarray(source[box.slices])
    needed = source_box(in_shape, out_shape, box)
    return resample_window(np.asarray(source[needed.slices]), needed, in_shape, out_shape, box)


def resample_window(
    window: npt.NDArray[Any],
    window_box: Box,
    in_shape: tuple[int, int],
    out_shape: tuple[int, int],
    box: Box,
) -> npt.NDArray[np.float32]:
    """Resample when only a window of the input is at hand.

    Parameters
    ----------
    window : ndarray, shape (y, x) or (y, x, C)
        Values of the input inside `window_box`.
    window_box : Box
        Where the window lies; must contain ``source_box(in_shape, out_shape, box)``.
    in_shape, out_shape : tuple of int
        Height and width of the whole before and after.
    box : Box
        Wanted output pixels.

    Returns
    -------
    ndarray of float32, shape (y, x) or (y, x, C)

    Raises
    ------
    ValueError
        If the window lacks pixels that are needed.
    """
    rows = axis_filter(in_shape[0], out_shape[0], box.y0, box.y1)
    columns = axis_filter(in_shape[1], out_shape[1], box.x0, box.x1)
    needed = Box(rows.first, columns.first, rows.last, columns.last)
    if needed.intersect(window_box) != needed:
        raise ValueError(f"{window_box} does not contain {needed}")
    part = window[needed.shift(-window_box.y0, -window_box.x0).slices]
    tall = along_first(part, rows)
    return np.swapaxes(along_first(np.swapaxes(tall, 0, 1), columns), 0, 1)


def along_first(values: npt.NDArray[Any], axis: AxisFilter) -> npt.NDArray[np.float32]:
    """Apply a filter to the first axis of an array of any number of axes."""
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(len(values), -1)
    result: npt.NDArray[np.float32] = axis.matrix @ flat
    return result.reshape(-1, *values.shape[1:])
