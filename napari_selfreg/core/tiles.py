"""The tile plan: cores that cover every pixel once, windows that give each core its context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from napari_selfreg.core.types import Box


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


@dataclass(frozen=True, slots=True)
class _Span:
    """A tile along one axis."""

    core: tuple[int, int]
    window: tuple[int, int]


def ceil_to(value: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


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
    if region.empty:
        return []
    halo = ceil_to(halo, stride)
    rows = _plan_axis(limits[0], region.y0, region.y1, tile[0], halo, stride, smallest[0])
    columns = _plan_axis(limits[1], region.x0, region.x1, tile[1], halo, stride, smallest[1])
    return [_join(row, column) for row in rows for column in columns]


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
            _span(limits[0], region.y0, region.y1, halo, stride, 0),
            _span(limits[1], region.x0, region.x1, halo, stride, 0),
        )
    )
    least = 2 * halo + stride
    best, fewest = (min(height, least), min(width, least)), math.inf
    for columns in range(1, max(1, (width - 2 * halo) // stride) + 1):
        wide = _even_share(width, columns, halo, stride)
        tall = area // wide // stride * stride
        if tall < min(height, least):
            continue
        rows = 1 if height <= tall else math.ceil((height - 2 * halo) / (tall - 2 * halo))
        tall = _even_share(height, rows, halo, stride)
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


def _join(row: _Span, column: _Span) -> Tile:
    return Tile(
        core=Box(row.core[0], column.core[0], row.core[1], column.core[1]),
        window=Box(row.window[0], column.window[0], row.window[1], column.window[1]),
    )


def _plan_axis(
    limit: int, start: int, stop: int, tile: int, halo: int, stride: int, smallest: int
) -> list[_Span]:
    """Cover ``[start, stop)``; every window has the same length."""
    first, last = _span(limit, start, stop, halo, stride, smallest)
    length, tile = last - first, tile // stride * stride
    if length <= tile:
        return [_Span((start, stop), (first, last))]
    if tile <= 2 * halo:
        raise ValueError(f"a tile of {tile} px leaves no core between halos of {halo} px")
    count = math.ceil((length - 2 * halo) / (tile - 2 * halo))
    tile = max(smallest, _even_share(length, count, halo, stride))
    # Origins are spread evenly; rounding down keeps neighbours' cores in touch because
    # the space between two halos is itself a multiple of the stride.
    origins = [first + i * (length - tile) // (count - 1) // stride * stride for i in range(count)]
    cuts = [(a + tile + b) // 2 for a, b in pairwise(origins)]
    edges = [start, *cuts, stop]
    return [
        _Span((edges[i], edges[i + 1]), (origin, origin + tile)) for i, origin in enumerate(origins)
    ]


def _span(
    limit: int, start: int, stop: int, halo: int, stride: int, smallest: int
) -> tuple[int, int]:
    """Return the range along one axis that is read for ``[start, stop)``."""
    first = max(0, (start - halo) // stride * stride)
    last = min(limit, ceil_to(stop + halo, stride))
    if last - first < smallest:
        last = min(limit, first + smallest)
        first = last - smallest
    return first, last


def _even_share(length: int, count: int, halo: int, stride: int) -> int:
    """Return the size of `count` equal windows that share two halos with each neighbour."""
    if count == 1:
        return length
    return ceil_to(math.ceil((length - 2 * halo) / count), stride) + 2 * halo
