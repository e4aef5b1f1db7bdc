"""Coarser levels for slides whose file has none, so that an overview costs one pass only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from napari_selfreg.core.types import Box
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.io.rgb import Rgb
from napari_selfreg.io.sources import ImageSource, Level

OVERVIEW_SIDE = 2048
"""A level up to this size is what a whole slide is shown from."""

_STEP = 4
_BLOCK = 512


def with_overview(source: ImageSource) -> ImageSource:
    """Give an image that is read from disk levels down to an overview.

    Each added level has a quarter of the rows and columns of the one before and is read from it
    when it is looked at; the last one is read now, which decodes the image once.

    Parameters
    ----------
    source : ImageSource
        Closed by its reader as before; the result shares its file.

    Returns
    -------
    ImageSource
        The same one if it is in memory, small, or has its overview already.
    """
    levels, factors = list(source.levels), list(source.downsamples)
    if not source.lazy:
        return source
    while max(levels[-1].shape[:2]) > OVERVIEW_SIDE:
        finer = levels[-1]
        levels.append(_coarser(finer, source.name))
        factors.append((factors[-1][0] * _STEP, factors[-1][1] * _STEP))
    if len(levels) == len(source.levels):
        return source
    levels[-1] = np.asarray(levels[-1])
    return replace(source, levels=tuple(levels), downsamples=tuple(factors))


def _coarser(finer: Level, name: str) -> LazyLevel:
    height, width = (-(-length // _STEP) for length in finer.shape[:2])

    def read(box: Box) -> Rgb:
        out: Rgb = np.empty((*box.shape, 3), np.uint8)
        for row, part in _strips(box):
            below = finer[part.y0 * _STEP : part.y1 * _STEP, part.x0 * _STEP : part.x1 * _STEP]
            out[row : row + part.shape[0]] = _mean(below, part.shape)
        return out

    return LazyLevel(read, (height, width), (_BLOCK, _BLOCK), name)


def _strips(box: Box) -> Iterator[tuple[int, Box]]:
    """Cut a box into rows whose finer pixels are not many at a time."""
    for y0 in range(box.y0, box.y1, _BLOCK // _STEP):
        y1 = min(y0 + _BLOCK // _STEP, box.y1)
        yield y0 - box.y0, Box(y0, box.x0, y1, box.x1)


def _mean(finer: Rgb, shape: tuple[int, int]) -> Rgb:
    """Return the mean of whole blocks; the last row and column may have smaller ones."""
    height, width = shape
    rest = [(0, side * _STEP - length) for side, length in zip(shape, finer.shape, strict=False)]
    padded = np.pad(finer, [*rest, (0, 0)], mode="edge")
    blocks = padded.reshape(height, _STEP, width, _STEP, 3)
    mean: Rgb = blocks.mean(axis=(1, 3), dtype=np.float32).round().astype(np.uint8)
    return mean
