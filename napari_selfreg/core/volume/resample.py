"""Volumes on grids of other voxel sizes.

Both grids cover the same box: voxel ``j`` of an axis of ``n_out`` lies at
``(j + 0.5) * n_in / n_out - 0.5`` of an axis of ``n_in``, as in `napari_selfreg.core.resample`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.blocks import Span, Spans
from napari_selfreg.core.resample import along_first, axis_filter, scaled_length

Order = Literal[0, 1, 3]
Triple = tuple[float, float, float]
Shape = tuple[int, int, int]


def resampled_shape(shape: Shape, spacing: Triple, target: Triple) -> Shape:
    """Return how many voxels a volume has once they are as large as `target`.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels along z, y and x.
    spacing, target : (float, float, float)
        Present and wanted size of a voxel in millimetres. Sizes that differ by less than 2 % count
        as equal.

    Returns
    -------
    (int, int, int)
        At least 1 along each axis.
    """
    z, y, x = (
        scaled_length(length, old / new)
        for length, old, new in zip(shape, spacing, target, strict=True)
    )
    return z, y, x


def resample(
    voxels: npt.NDArray[Any], spacing: Triple, target: Triple, order: Order = 1
) -> npt.NDArray[Any]:
    """Resample a volume to voxels of another size.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Finite numbers.
    spacing, target : (float, float, float)
        Present and wanted size of a voxel in millimetres along z, y and x.
    order : {0, 1, 3}
        0 takes the nearest voxel (labels), 1 interpolates linearly, 3 by cubic splines. 1 and 3
        smooth before voxels are left out, so that nothing is folded into coarse grids.

    Returns
    -------
    ndarray, shape as `resampled_shape`
        float32, or the type of `voxels` for order 0. Cubic splines are cut off at the lowest and
        highest value of `voxels`.
    """
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return _resized(voxels, resampled_shape(shape, spacing, target), order)


def to_shape(values: npt.NDArray[Any], shape: Shape) -> npt.NDArray[np.float32]:
    """Resample channels linearly to a grid of given size, for instance probabilities.

    Parameters
    ----------
    values : ndarray of float, shape (K, Z, Y, X)
        Channels of a volume.
    shape : (int, int, int)
        Wanted voxels along z, y and x; both grids cover the same box.

    Returns
    -------
    ndarray of float32, shape (K, *shape)
        Weights are positive and sum to 1: probabilities stay within [0, 1] and keep their sum.
    """
    result = np.empty((len(values), *shape), dtype=np.float32)
    for channel, plane in zip(result, values, strict=True):
        channel[...] = _linear(plane, shape)
    return result


def sources(shape: Shape, new_shape: Shape, part: Spans) -> Spans:
    """Return the voxels that part of a volume is made of when `to_shape` resamples it.

    Parameters
    ----------
    shape, new_shape : (int, int, int)
        Voxels along z, y and x before and after.
    part : Spans
        First and one after the last voxel along each axis of the new grid, at least one voxel.

    Returns
    -------
    Spans
        Of the old grid.
    """
    return tuple(
        span if old == new else _reach(old, new, span)
        for old, new, span in zip(shape, new_shape, part, strict=True)
    )


def _reach(old: int, new: int, span: Span) -> Span:
    weights = axis_filter(old, new, *span)
    return weights.first, weights.last


def _resized(voxels: npt.NDArray[Any], shape: Shape, order: Order) -> npt.NDArray[Any]:
    if voxels.shape == shape:
        return voxels.copy() if order == 0 else np.array(voxels, dtype=np.float32)
    if order == 0:
        return _nearest(voxels, shape)
    if order == 1:
        return _linear(voxels, shape)
    return _cubic(voxels, shape)


def _nearest(voxels: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
    # a place halfway between two voxels takes the upper one on every axis
    index = [
        ((2 * np.arange(new) + 1) * old) // (2 * new)
        for new, old in zip(shape, voxels.shape, strict=True)
    ]
    return np.ascontiguousarray(voxels[np.ix_(*index)])


def _linear(voxels: npt.NDArray[Any], shape: Shape) -> npt.NDArray[np.float32]:
    result = np.asarray(voxels, dtype=np.float32)
    for axis, length in enumerate(shape):
        if result.shape[axis] == length:
            continue
        weights = axis_filter(result.shape[axis], length, 0, length)
        front = np.moveaxis(result, axis, 0)[weights.first : weights.last]
        result = np.moveaxis(along_first(front, weights), 0, axis)
    return np.ascontiguousarray(result)


def _cubic(voxels: npt.NDArray[Any], shape: Shape) -> npt.NDArray[np.float32]:
    source = np.asarray(voxels, dtype=np.float32)
    factors = np.array(source.shape) / np.array(shape)
    smooth = np.maximum(0, (factors - 1) / 2)  # as scikit-image smooths before it shrinks
    if smooth.any():
        source = ndimage.gaussian_filter(source, smooth, mode="nearest")
    result = ndimage.zoom(source, 1 / factors, order=3, mode="nearest", grid_mode=True)
    cut: npt.NDArray[np.float32] = np.clip(result, voxels.min(), voxels.max(), dtype=np.float32)
    return cut
