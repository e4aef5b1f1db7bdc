"""Tiles of any number of dimensions: cores that cover every element once, windows around them.

A place is written as spans: first and one after the last element along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

Span = tuple[int, int]
Spans = tuple[Span, ...]
"""Half-open ranges, one for each axis."""

_CUTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128)
"""Into how many parts an axis may be cut evenly; more choices gain nothing."""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of work; see `napari_selfreg.core.tiles.Tile`, which is one of a picture.

    Parameters
    ----------
    core : Spans
        What this block answers for.
    window : Spans
        What the network sees: the core and its halo.
    """

    core: Spans
    window: Spans


def ceil_to(value: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def whole(shape: Iterable[int]) -> Spans:
    """Return the spans of an array of `shape`."""
    return tuple((0, side) for side in shape)


def sides(spans: Spans) -> tuple[int, ...]:
    """Return the length along each axis, never negative."""
    return tuple(max(0, stop - start) for start, stop in spans)


def slices(spans: Spans, origin: Spans | None = None) -> tuple[slice, ...]:
    """Return the index that cuts `spans` out of an array, or of one that lies at `origin`."""
    firsts = (0,) * len(spans) if origin is None else tuple(start for start, _ in origin)
    return tuple(
        slice(start - first, stop - first)
        for (start, stop), first in zip(spans, firsts, strict=True)
    )


def common(a: Spans, b: Spans) -> Spans:
    """Return the common part (possibly empty)."""
    return tuple((max(p[0], q[0]), min(p[1], q[1])) for p, q in zip(a, b, strict=True))


def around(a: Spans, b: Spans) -> Spans:
    """Return the smallest spans that hold both."""
    return tuple((min(p[0], q[0]), max(p[1], q[1])) for p, q in zip(a, b, strict=True))


def plan_blocks(
    limits: Sequence[int],
    region: Spans,
    *,
    tile: Sequence[int],
    halo: Sequence[int],
    stride: Sequence[int],
    smallest: Sequence[int],
) -> list[Block]:
    """Cover `region` with blocks whose windows lie inside ``[0, limits)``.

    All arguments have one number for each axis; see `napari_selfreg.core.tiles.plan_tiles`.

    Parameters
    ----------
    limits : sequence of int
        Shape of the padded array; multiples of `stride`.
    region : Spans
        What is to be predicted.
    tile : sequence of int
        Largest sides of a window; rounded down to multiples of `stride`.
    halo : sequence of int
        Context on each side of a core; multiples of `stride`.
    stride : sequence of int
        The network's total stride.
    smallest : sequence of int
        Smallest sides of a window; multiples of `stride`, at most `limits`.

    Returns
    -------
    list of Block
        In the order of memory (C order).

    Raises
    ------
    ValueError
        If a tile is too small to hold a core between its halos.
    """
    if 0 in sides(region):
        return []
    axes = [
        _plan_axis(*axis) for axis in zip(limits, region, tile, halo, stride, smallest, strict=True)
    ]
    return [
        Block(tuple(core for core, _ in parts), tuple(window for _, window in parts))
        for parts in product(*axes)
    ]


def reach(limit: int, span: Span, halo: int, stride: int, smallest: int) -> Span:
    """Return the range along one axis that is read for a span of cores.

    Parameters
    ----------
    limit : int
        Length of the padded axis.
    span : Span
        What is to be predicted.
    halo, stride, smallest : int
        As in `plan_blocks`.

    Returns
    -------
    Span
    """
    first = max(0, (span[0] - halo) // stride * stride)
    last = min(limit, ceil_to(span[1] + halo, stride))
    if last - first < smallest:
        last = min(limit, first + smallest)
        first = last - smallest
    return first, last


def even_share(length: int, count: int, halo: int, stride: int) -> int:
    """Return the size of `count` equal windows that share two halos with each neighbour."""
    if count == 1:
        return length
    return ceil_to(math.ceil((length - 2 * halo) / count), stride) + 2 * halo


def cut_evenly(region: Spans, halo: Sequence[int], volume: int) -> list[Spans]:
    """Cut a region into parts that hold at most `volume` elements each, with their halo.

    Of all ways of cutting every axis evenly the one is taken whose parts and halos hold fewest
    elements together; halos end where the region ends.

    Parameters
    ----------
    region : Spans
        What is cut.
    halo : sequence of int
        Context of a part on each side, for each axis.
    volume : int
        Largest number of elements of a part with its halo, as far as that is possible.

    Returns
    -------
    list of Spans
        In the order of memory; they cover the region exactly once.
    """
    shape = sides(region)
    if 0 in shape:
        return []
    counts = ([n for n in _CUTS if n <= side] or [1] for side in shape)
    best = min(product(*counts), key=lambda cuts: _cost(shape, cuts, halo, volume))
    edges = [
        [first + side * i // cuts for i in range(cuts + 1)]
        for (first, _), side, cuts in zip(region, shape, best, strict=True)
    ]
    return list(product(*(list(pairwise(axis)) for axis in edges)))


def _wide(part: Iterable[int], halo: Sequence[int], shape: Sequence[int]) -> list[int]:
    """Return the sides of a part with its halo; a whole axis has none."""
    return [
        min(whole_side, side + 2 * margin)
        for side, margin, whole_side in zip(part, halo, shape, strict=True)
    ]


def _cost(
    shape: Sequence[int], cuts: Sequence[int], halo: Sequence[int], volume: int
) -> tuple[int, int, int, tuple[int, ...]]:
    """Return what counts: fitting, then few elements, few parts, and cuts of the slowest axis."""
    part = [-(-side // count) for side, count in zip(shape, cuts, strict=True)]
    each = math.prod(_wide(part, halo, shape))
    number = math.prod(cuts)
    return max(0, each - volume), each * number, number, tuple(-count for count in cuts)


def _plan_axis(
    limit: int, region: Span, tile: int, halo: int, stride: int, smallest: int
) -> list[tuple[Span, Span]]:
    """Cover a span with cores and windows; every window has the same length."""
    start, stop = region
    first, last = reach(limit, region, halo, stride, smallest)
    length, tile = last - first, tile // stride * stride
    if length <= tile:
        return [((start, stop), (first, last))]
    if tile <= 2 * halo:
        raise ValueError(f"a tile of {tile} px leaves no core between halos of {halo} px")
    count = math.ceil((length - 2 * halo) / (tile - 2 * halo))
    tile = max(smallest, even_share(length, count, halo, stride))
    # Origins are spread evenly; rounding down keeps neighbours' cores in touch because
    # the space between two halos is itself a multiple of the stride.
    origins = [first + i * (length - tile) // (count - 1) // stride * stride for i in range(count)]
    cuts = [(a + tile + b) // 2 for a, b in pairwise(origins)]
    edges = [start, *cuts, stop]
    return [((edges[i], edges[i + 1]), (origin, origin + tile)) for i, origin in enumerate(origins)]
