"""Test-time augmentation: the mean over the eight ways to turn and mirror a window."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from napari_selfreg.core.types import Box
from napari_selfreg.engine.forward import Floats, Forward, Pixels

View = tuple[int, bool]
VIEWS: tuple[View, ...] = tuple(itertools.product(range(4), (False, True)))
"""Quarter turns counter-clockwise, then whether columns are mirrored."""


class AugmentedForward:
    """A forward that averages over views.

    Parameters
    ----------
    forward : Forward
        Called once per view.
    turns : bool, default True
        Whether quarter turns are possible; else four views.
    """

    def __init__(self, forward: Forward, *, turns: bool = True) -> None:
        self._forward = forward
        self._views = [view for view in VIEWS if turns or view[0] % 2 == 0]

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Floats]:
        """Return the mean probabilities (K[+1], y, x) of the wanted part of each window."""
        sums: list[Floats] = []
        for view in self._views:
            turned = [np.ascontiguousarray(turn(window, view)) for window in windows]
            boxes = [
                turn_box(crop, (window.shape[0], window.shape[1]), view)
                for window, crop in zip(windows, crops, strict=True)
            ]
            values = [turn_back(part, view) for part in self._forward(turned, boxes)]
            sums = [a + b for a, b in zip(sums, values, strict=True)] if sums else values
        share = np.float32(1 / len(self._views))
        return [np.multiply(total, share, dtype=np.float32) for total in sums]


def turn(window: Pixels, view: View) -> Pixels:
    """Turn and mirror a window (y, x, 3)."""
    turned = np.rot90(window, view[0])
    return turned[:, ::-1] if view[1] else turned


def turn_back(values: Floats, view: View) -> Floats:
    """Undo `turn` on probabilities (C, y, x)."""
    mirrored = values[:, :, ::-1] if view[1] else values
    return np.rot90(mirrored, -view[0], axes=(1, 2))


def turn_box(box: Box, shape: tuple[int, int], view: View) -> Box:
    """Return where the pixels of `box` lie after `turn` of a window of `shape`."""
    height, width = shape
    for _ in range(view[0]):
        box = Box(width - box.x1, box.y0, width - box.x0, box.y1)
        height, width = width, height
    return Box(box.y0, width - box.x1, box.y1, width - box.x0) if view[1] else box
