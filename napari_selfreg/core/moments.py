"""First and second moments of a block's channels: most numbers about them follow from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.half import to_single

Maps = npt.NDArray[Any]
"""Channels first: (C, h, w) or (C, d, h, w), any floating type."""
Doubles = npt.NDArray[np.float64]

_PIECE = 2**21
"""Values at a time: enough for a product of matrices, few enough for memory."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over all places.

    Parameters
    ----------
    gram : ndarray of float64, shape (C, C)
        Products of every pair of channels.
    sums : ndarray of float64, shape (C,)
        Of each channel.
    pixels : int
        Number of places.
    """

    gram: Doubles
    sums: Doubles
    pixels: int

    @property
    def squares(self) -> Doubles:
        """Sum of squares of each channel, shape (C,)."""
        return np.diagonal(self.gram)

    @property
    def covariance(self) -> Doubles:
        """Products of channels less their means, shape (C, C)."""
        return self.gram - np.outer(self.sums, self.sums) / self.pixels


def moments(maps: Maps) -> Moments:
    """Return the moments of maps (C, *spatial), computed in float64.

    Raises
    ------
    BadInputError
        If there is no channel or no place.
    """
    rows = as_rows(maps)
    channels, pixels = rows.shape
    gram, sums = np.zeros((channels, channels)), np.zeros(channels)
    step = max(1, _PIECE // channels)
    for start in range(0, pixels, step):
        part = rows[:, start : start + step]
        piece = (to_single(part) if part.dtype == np.float16 else part).astype(np.float64)
        gram += piece @ piece.T
        sums += piece.sum(axis=1)
    return Moments(gram, sums, pixels)


def as_rows(maps: Maps) -> Maps:
    """Return maps (C, *spatial) as rows (C, pixels), without a copy where that is possible.

    Raises
    ------
    BadInputError
        If there is no channel or no place.
    """
    if maps.ndim < 2 or maps.size == 0:
        raise BadInputError(f"Feature maps are (C, y, x), not an array of {maps.shape}.")
    return maps.reshape(len(maps), -1)
