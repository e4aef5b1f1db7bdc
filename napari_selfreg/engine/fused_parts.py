"""What each level of a U-Net must compute for a part of its output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from napari_selfreg.core.types import Box

_PER_CORE = 2
"""Blocks for each core, about, so that all cores end together."""

_FEW_ROWS = 32
"""Blocks of fewer rows than this compute much of their margins twice."""


@dataclass(frozen=True)
class Parts:
    """Parts of the maps of all levels, the finest first, in pixels of their level.

    Parameters
    ----------
    decoder : tuple of Box
        Output of each decoder level; sides are even.
    encoder : tuple of Box
        Output of each encoder level and, last, of the bottleneck.
    """

    decoder: tuple[Box, ...]
    encoder: tuple[Box, ...]


def grown(box: Box, pixels: int) -> Box:
    """Return `box` with a margin on each side; it may hang over the border of the map."""
    return Box(box.y0 - pixels, box.x0 - pixels, box.y1 + pixels, box.x1 + pixels)


def below(box: Box) -> Box:
    """Return what the upsampling of an even `box` and the 3x3 convolution after it see."""
    return grown(Box(box.y0 // 2, box.x0 // 2, box.y1 // 2, box.x1 // 2), 1)


def union(a: Box, b: Box) -> Box:
    """Return the smallest box that holds both."""
    return Box(min(a.y0, b.y0), min(a.x0, b.x0), max(a.y1, b.y1), max(a.x1, b.x1))


def needed_parts(crop: Box, shape: tuple[int, int], levels: int) -> Parts:
    """Return the parts for `crop` of a network with two 3x3 convolutions per level.

    Parameters
    ----------
    crop : Box
        The part of the output that is wanted.
    shape : tuple of int
        Height and width of the input; multiples of ``2 ** levels``.
    levels : int
        Levels above the bottleneck.

    Returns
    -------
    Parts
    """
    maps = [Box(0, 0, shape[0] >> level, shape[1] >> level) for level in range(levels + 1)]
    decoder = []
    for level in range(levels):
        part = _even(crop).intersect(maps[level])
        decoder.append(part)
        crop = below(part)
    encoder = [crop.intersect(maps[levels])]
    for level in reversed(range(levels)):
        seen = grown(encoder[0], 2).intersect(maps[level + 1])
        pooled = Box(2 * seen.y0, 2 * seen.x0, 2 * seen.y1, 2 * seen.x1)
        skip = grown(decoder[level], 2).intersect(maps[level])
        encoder.insert(0, union(pooled, skip))
    return Parts(tuple(decoder), tuple(encoder))


def bands(part: Box, pixels: int) -> list[Box]:
    """Cut an even part into even bands of whole rows, from top to bottom.

    Parameters
    ----------
    part : Box
        Of a map.
    pixels : int
        About the most of a band.

    Returns
    -------
    list of Box
    """
    rows = max(_FEW_ROWS, pixels // max(1, part.shape[1]))
    return [Box(y0, part.x0, y1, part.x1) for y0, y1 in _shares(part.y0, part.y1, rows)]


def cut(part: Box, pixels: int, cores: int) -> list[Box]:
    """Cut an even part into even blocks.

    Whole rows are read without a copy; where they would be few, blocks are nearly square.

    Parameters
    ----------
    part : Box
        Of a map.
    pixels : int
        About the most of a block.
    cores : int
        How many blocks are computed at a time: for more than one, each gets several.

    Returns
    -------
    list of Box
    """
    if part.empty:
        return []
    height, width = part.shape
    if cores > 1:
        pixels = min(pixels, max(height * width // (_PER_CORE * cores), _FEW_ROWS**2))
    rows = columns = max(2, math.isqrt(pixels))
    if pixels >= _FEW_ROWS * width:
        rows, columns = pixels // width, width
    return [
        Box(y0, x0, y1, x1)
        for y0, y1 in _shares(part.y0, part.y1, rows)
        for x0, x1 in _shares(part.x0, part.x1, columns)
    ]


def _shares(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut a range into equal even pieces of about `most`."""
    length = stop - start
    step = -(-length // max(1, round(length / most)))
    step += step % 2
    for a in range(start, stop, step):
        yield a, min(stop, a + step)


def _even(box: Box) -> Box:
    return Box(box.y0 // 2 * 2, box.x0 // 2 * 2, -(-box.y1 // 2) * 2, -(-box.x1 // 2) * 2)
