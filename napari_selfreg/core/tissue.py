"""Telling empty glass from tissue, on the safe side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 8
"""Side of the squares that are looked at, in pixels."""

DARKEST = 215
"""Glass is brighter than this in each colour (0 to 255)."""

COLOUR = 10
"""Glass is grey: the means of its colours differ by less than this."""

RANGE = 8
"""Glass is even: the brightest and darkest square of a window differ by less than this."""

ROUGHNESS = 6
"""Glass is smooth: standard deviation within a square, in grey levels."""

SMALLEST = 512
"""Windows with a shorter side are never called glass: they may lie in the lumen of a gland."""


def is_glass(window: npt.NDArray[Any]) -> bool:
    """Return whether a window surely shows nothing but glass.

    Faint tissue, a single cell or a fold anywhere in it makes the answer no; so do unusual
    colours of the background. A wrong no costs time, a wrong yes would cost tissue.

    Parameters
    ----------
    window : ndarray, shape (y, x, 3)
        RGB from 0 to 255, uint8 or float.

    Returns
    -------
    bool
        False for every window with a side under 512 px.
    """
    height, width = window.shape[:2]
    if min(height, width) < SMALLEST or not _may_be_glass(window):
        return False
    rows, columns = height // BLOCK, width // BLOCK
    blocks = window[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3)
    means = blocks.mean(axis=(1, 3), dtype=np.float32)
    colour = means.max(axis=2) - means.min(axis=2)
    spread = means.max(axis=(0, 1)) - means.min(axis=(0, 1))
    if means.min() < DARKEST or colour.max() > COLOUR or spread.max() > RANGE:
        return False
    deviations = blocks.astype(np.float32) - means[:, None, :, None]
    rough: float = np.square(deviations).mean(axis=(1, 3)).max()
    return bool(rough < ROUGHNESS**2)


def _may_be_glass(window: npt.NDArray[Any]) -> bool:
    """Look at few pixels first: nearly every window with tissue is told by them."""
    few = window[:: BLOCK * 2, :: BLOCK * 2]
    return bool(few.min() >= DARKEST - 4 * ROUGHNESS)


def tissue_mask(picture: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where a picture shows more than bright grey, square by square.

    A rough guess for choosing places, not for leaving any out of a result: the lumen of a gland
    counts as glass here.

    Parameters
    ----------
    picture : ndarray, shape (Y, X, 3)
        RGB from 0 to 255, uint8 or float.

    Returns
    -------
    ndarray of bool, shape (Y, X)
    """
    height, width = picture.shape[:2]
    rows, columns = np.arange(0, height, BLOCK), np.arange(0, width, BLOCK)
    sums = np.add.reduceat(np.add.reduceat(picture, rows, 0, np.float32), columns, 1)
    sizes = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    means = sums / sizes[..., None]
    glass = (means.min(axis=2) >= DARKEST) & (means.max(axis=2) - means.min(axis=2) <= COLOUR)
    shown: npt.NDArray[np.bool_] = ~glass.repeat(BLOCK, 0).repeat(BLOCK, 1)[:height, :width]
    return shown
