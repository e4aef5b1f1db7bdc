"""What predicting a volume reports while it runs; loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.blocks import Spans
from napari_selfreg.engine.events import Event

PREVIEW_SIDE = 128
"""Previews are thinned out to at most this many voxels per side."""


@dataclass(frozen=True, slots=True)
class VolumeTileDone(Event):
    """One part of a volume.

    Parameters
    ----------
    place : tuple of (int, int)
        First and one after the last voxel along each axis, on the volume's own grid.
    preview : ndarray of uint8, shape (z, y, x)
        Foreground probability times 255 on a grid that covers `place` evenly.
    done : float
        Share of all work that is finished, from 0 to 1.
    """

    place: Spans
    preview: npt.NDArray[np.uint8]
    done: float


def preview(classes: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the foreground's probability times 255, thinned out to `PREVIEW_SIDE`.

    Parameters
    ----------
    classes : ndarray of float32, shape (K, z, y, x)
        Probabilities of the foreground classes.

    Returns
    -------
    ndarray of uint8, shape (z, y, x)
    """
    steps = tuple(slice(None, None, max(1, -(-side // PREVIEW_SIDE))) for side in classes.shape[1:])
    foreground = classes[(slice(None), *steps)].sum(axis=0)
    shown: npt.NDArray[np.uint8] = np.clip(foreground * 255 + 0.5, 0, 255).astype(np.uint8)
    return shown
