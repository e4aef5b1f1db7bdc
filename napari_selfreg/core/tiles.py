"""The tile plan: cores that cover every pixel once, windows that give each core its context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_selfreg.core.blocks import Spans, ceil_to, even_share, plan_blocks, reach
from napari_selfreg.core.types import Box

__all__ = ["Tile", "ceil_to", "order_tiles", "padded_shape", "plan_tiles", "tile_shape"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece of work.

    Parameters
    ----------
    core : Box
        The pixels this tile answers for; the cores of a plan do not overlap.
    window : Box
        The pixels the network sees: the core and its halo. Its origin is a multiple of the
        network's total stride, so that pooling falls on the same pixels as in one forward of
        the whole image.
    """

    core: Box
    window: Box


def padded_shape(shape: tuple[int, int], multiple: int, minimum: int = 0) -> tuple[int, int]:
    """Return the size a network can take: each side at least `minimum`, a multiple of `multiple`.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    multiple : int
        The network's total stride.
    minimum : int, default 0
        Smallest side the network accepts.

    Returns
    -------
    tuple of int
    """
    height, width = (ceil_to(max(side, minimum, 1), multiple) for side in shape)
    return height, width


def plan_tiles(
    limits: tuple[int, int],
    region: Box,
    *,
    tile: tuple[int, int],
    halo: int,
    stride: int,
    smallest: tuple[int, int] = (0, 0),
) -> list[Tile]:
    """Cover `region` with tiles whose windows lie inside ``[0, limits)``.

    A window touches the border of the image without a halo there: the network then pads as it
    does for the whole image. A region that fits one tile is one tile.

    Parameters
    ----------
    limits : tuple of int
        Height and width of the padded image; multiples of `stride`.
    region : Box
        Pixels to be predicted.
    tile : tuple of int
        Largest height and width of a window; rounded down to multiples of `stride`.
    halo : int
        Context on each side of a core, in pixels; rounded up to a multiple of `stride`.
    stride : int
        The network's total stride.
    smallest : tuple of int, default (0, 0)
        Smallest height and width of a window; multiples of `stride`, at most `limits`.

    Returns
    -------
    list of Tile
        In row-major order. All windows have one shape unless the region is thinner than that.

    Raises
    ------
    ValueError
        If a tile is too small to hold a core between its halos.
    """
    halo = ceil_to(halo, stride)
    blocks = plan_blocks(
        limits,
        ((region.y0, region.y1), (region.x0, region.x1)),
        tile=tile,
        halo=(halo, halo),
        stride=(stride, stride),
        smallest=smallest,
    )
    return [Tile(_box(block.core), _box(block.window)) for block in blocks]


def tile_shape(
    limits: tuple[int, int], region: Box, *, area: int, halo: int, stride: int
) -> tuple[int, int]:
    """Return the shape of windows of at most `area` pixels that covers a region with fewest.

    A strip as wide as the image has no halo at its ends: for middling images that is less
    work than squares of the same size.

    Parameters
    ----------
    limits : tuple of int
        Height and width of the padded image; multiples of `stride`.
    region : Box
        Pixels to be predicted.
    area : int
        Largest number of pixels of a window.
    halo : int
        Context on each side of a core.
    stride : int
        The network's total stride.

    Returns
    -------
    tuple of int
        Height and width, multiples of `stride`; at least one stride of core between two halos,
        even if that is more than `area`.
    """
    halo = ceil_to(halo, stride)
    height, width = (
        last - first
        for first, last in (
            reach(limits[0], (region.y0, region.y1), halo, stride, 0),
            reach(limits[1], (region.x0, region.x1), halo, stride, 0),
        )
    )
    least = 2 * halo + stride
    best, fewest = (min(height, least), min(width, least)), math.inf
    for columns in range(1, max(1, (width - 2 * halo) // stride) + 1):
        wide = even_share(width, columns, halo, stride)
        tall = area // wide // stride * stride
        if tall < min(height, least):
            continue
        rows = 1 if height <= tall else math.ceil((height - 2 * halo) / (tall - 2 * halo))
        tall = even_share(height, rows, halo, stride)
        if rows * tall * columns * wide < fewest:
            best, fewest = (tall, wide), rows * tall * columns * wide
    return best


def order_tiles(tiles: Sequence[Tile], focus: Box | None) -> list[Tile]:
    """Sort tiles so that what the person looks at comes first.

    Parameters
    ----------
    tiles : sequence of Tile
        A plan.
    focus : Box, optional
        The visible part, on the grid of the plan. None keeps the order.

    Returns
    -------
    list of Tile
        Tiles that show in `focus` from its centre outwards, then the others likewise.
    """
    if focus is None:
        return list(tiles)
    centre = (focus.y0 + focus.y1) / 2, (focus.x0 + focus.x1) / 2
    return sorted(
        tiles, key=lambda tile: (tile.core.intersect(focus).empty, _distance(tile.core, centre))
    )


def _distance(box: Box, point: tuple[float, float]) -> float:
    return math.hypot((box.y0 + box.y1) / 2 - point[0], (box.x0 + box.x1) / 2 - point[1])


def _box(spans: Spans) -> Box:
    (y0, y1), (x0, x1) = spans
    return Box(y0, x0, y1, x1)
