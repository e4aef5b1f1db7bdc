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
    values = np.asarray(voxels, dtype=np.float32)
    good = np.isfinite(values)
    if not good.any():
        return np.zeros(values.shape, dtype=np.float32)
    finite = values[good]
    lowest = finite.min()
    if finite.size < values.size:
        values = np.where(good, values, lowest)
    for counted in (finite[finite > lowest], finite):
        low, high = _limits(counted)
        if low < high:
            return _standardised(values, counted, low, high)
    return _standardised(values, finite, lowest, finite.max())


def _limits(values: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    if not values.size:
        return np.float32(0), np.float32(0)
    # "nearest": the mean of two neighbours could lie beyond float32
    low, high = np.percentile(values, [LOW, HIGH], method="nearest")
    return low, high


def _standardised(
    values: npt.NDArray[np.float32],
    counted: npt.NDArray[np.float32],
    low: np.float32,
    high: np.float32,
) -> npt.NDArray[np.float32]:
    # about the middle and in units of the range: squares of 1e30 do not fit into float32
    middle = np.float32(float(low) / 2 + float(high) / 2)
    reach = np.float32(float(high) / 2 - float(low) / 2)
    if reach == 0:
        return np.zeros(values.shape, dtype=np.float32)
    kept = (np.clip(counted, low, high) - middle) / reach
    mean, spread = kept.mean(dtype=np.float64), kept.std(dtype=np.float64)
    result = np.clip(values, low, high)
    result -= middle
    result /= reach
    result -= np.float32(mean)
    result /= np.float32(spread)
    return result
