"""Intensities of volumes on one scale, whatever the scanner and its outliers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LOW, HIGH = 0.5, 99.5
"""Percentiles beyond which intensities are cut off."""


def normalise(voxels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Bring a volume to mean 0 and standard deviation 1 without its outliers.

    Intensities are cut off at their 0.5th and 99.5th percentile; mean and standard deviation are
    those of what remains. All four are of the voxels above the lowest value, so that neither a
    padded border nor a removed skull counts. Where that leaves a single value (a mask), all voxels
    count; where these percentiles are one value too, nothing is cut off.

    Parameters
    ----------
    voxels : ndarray of any real type, any shape
        Intensities up to 1e38; NaN and infinite ones are taken as the lowest finite one.

    Returns
    -------
    ndarray of float32, same shape
        All finite. A volume of one value, or without a finite one, becomes 0.
    """
    values = _finite(voxels)
    # without a copy of the others: in ascending order the lowest ones are the first
    lowest, highest = values.min(), values.max()
    padding = int(np.count_nonzero(values == lowest))
    for left_out in (padding, 0):
        low, high = _limits(values, left_out)
        if low < high:
            return _standardised(values, low, high, left_out)
    return _standardised(values, lowest, highest, 0)


def _finite(voxels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = np.asarray(voxels, dtype=np.float32)
    good = np.isfinite(values)
    if good.all():
        return values
    lowest = values[good].min() if good.any() else np.float32(0)
    return np.where(good, values, lowest)


def _limits(values: npt.NDArray[np.float32], left_out: int) -> tuple[np.float32, np.float32]:
    """Return the percentiles of all but the first values in ascending order."""
    last = values.size - 1 - left_out
    if last < 0:
        return np.float32(0), np.float32(0)
    # of the two neighbours the nearer: their mean could lie beyond float32
    ranks = [left_out + round(last * percentile / 100) for percentile in (LOW, HIGH)]
    low, high = np.partition(values, ranks, axis=None)[ranks]
    return low, high


def _standardised(
    values: npt.NDArray[np.float32], low: np.float32, high: np.float32, left_out: int
) -> npt.NDArray[np.float32]:
    # about the middle and in units of half the range: squares of 1e30 do not fit into float32
    middle = np.float32(float(low) / 2 + float(high) / 2)
    reach = np.float32(float(high) / 2 - float(low) / 2)
    if reach == 0:
        return np.zeros(values.shape, dtype=np.float32)
    result = np.clip(values, low, high)
    result -= middle
    result /= reach
    bottom, counted = float(result.min()), values.size - left_out
    mean = (float(result.sum(dtype=np.float64)) - left_out * bottom) / counted
    result -= np.float32(mean)
    squares = sum(float(np.vdot(line, line)) for line in result.reshape(-1, values.shape[-1]))
    spread = np.sqrt(max(0.0, squares - left_out * (bottom - mean) ** 2) / counted)
    result /= np.float32(spread)
    return result
