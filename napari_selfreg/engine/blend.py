"""Weighted means of overlapping windows, for networks that see their whole window at once."""

from __future__ import annotations

from functools import lru_cache, reduce

import numpy as np

from napari_selfreg.core.types import Box
from napari_selfreg.engine.forward import Floats

SIGMA = 0.125
"""Standard deviation of the weights, in sides of a window (as MONAI's inferer)."""

_LEAST = 1e-3


@lru_cache(maxsize=8)
def window_weights(shape: tuple[int, ...]) -> Floats:
    """Return Gaussian weights (y, x) or (z, y, x), float32: 1 in the middle, never 0."""
    product = reduce(np.multiply.outer, [_bell(side) for side in shape])
    weights: Floats = np.maximum(product, _LEAST, dtype=np.float32)
    return weights


def _bell(side: int) -> Floats:
    offsets = (np.arange(side) - (side - 1) / 2) / (SIGMA * side)
    bell: Floats = np.exp(-0.5 * offsets**2).astype(np.float32)
    return bell


class BlendedSum:
    """Sums windows; keeps (C + 1) float32 values per pixel of its box in memory.

    Parameters
    ----------
    channels : int
        Probabilities per pixel.
    box : Box
        The part of the model's grid that is kept.
    """

    def __init__(self, channels: int, box: Box) -> None:
        self.box = box
        self._sum = np.zeros((channels, *box.shape), np.float32)
        self._weight = np.zeros(box.shape, np.float32)

    def add(self, values: Floats, box: Box) -> None:
        """Add the probabilities (C, y, x) of a whole window at `box`."""
        common = self.box.intersect(box)
        if common.empty:
            return
        rows, columns = common.shift(-self.box.y0, -self.box.x0).slices
        rows_of, columns_of = common.shift(-box.y0, -box.x0).slices
        weights = window_weights(box.shape)[rows_of, columns_of]
        self._sum[:, rows, columns] += values[:, rows_of, columns_of] * weights
        self._weight[rows, columns] += weights

    def mean(self, box: Box) -> Floats:
        """Return the blended probabilities (C, y, x) of a part of the sum's box."""
        rows, columns = box.shift(-self.box.y0, -self.box.x0).slices
        weight = np.maximum(self._weight[rows, columns], np.finfo(np.float32).tiny)
        return np.divide(self._sum[:, rows, columns], weight, dtype=np.float32)
