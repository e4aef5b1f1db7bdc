"""Blocks of any number of dimensions: everything once, enough context, nothing outside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.blocks import (
    around,
    ceil_to,
    common,
    cut_evenly,
    plan_blocks,
    sides,
    slices,
    whole,
)


@st.composite
def volumes(draw):
    """Return shape, region, stride and halo of a volume, each for z, y and x."""
    shape = tuple(draw(st.integers(1, 40)) for _ in range(3))
    starts = [draw(st.integers(0, side - 1)) for side in shape]
    region = tuple(
        (start, draw(st.integers(start + 1, side)))
        for start, side in zip(starts, shape, strict=True)
    )
    stride = tuple(draw(st.sampled_from([1, 2, 4])) for _ in range(3))
    halo = tuple(ceil_to(draw(st.integers(0, 6)), step) for step in stride)
    return shape, region, stride, halo


@given(volumes())
@settings(max_examples=40)
def test_cores_cover_a_region_once_and_windows_give_them_their_halo(plan):
    shape, region, stride, halo = plan
    limits = tuple(ceil_to(side, step) for side, step in zip(shape, stride, strict=True))
    tile = [2 * h + 2 * s + 3 for h, s in zip(halo, stride, strict=True)]
    seen = np.zeros(shape, int)
    blocks = plan_blocks(limits, region, tile=tile, halo=halo, stride=stride, smallest=stride)
    for block in blocks:
        seen[slices(block.core)] += 1
        assert common(block.window, whole(limits)) == block.window
        for (start, stop), (first, last), h, step, limit in zip(
            block.core, block.window, halo, stride, limits, strict=True
        ):
            assert first % step == 0
            assert first <= max(0, start - h)
            assert last >= min(limit, stop + h)
    expected = np.zeros(shape, int)
    expected[slices(region)] = 1
    np.testing.assert_array_equal(seen, expected)
    assert len({sides(block.window) for block in blocks}) == 1


@given(volumes(), st.integers(1, 3000))
@settings(max_examples=40)
def test_even_parts_cover_a_region_once_and_fit_where_that_is_possible(plan, volume):
    shape, region, _, halo = plan
    seen = np.zeros(shape, int)
    parts = cut_evenly(region, halo, volume)
    for part in parts:
        assert min(sides(part)) >= 1
        seen[slices(part)] += 1
    assert seen[slices(region)].min() == 1
    assert seen.sum() == math.prod(sides(region))
    smallest = math.prod(min(side, 1 + 2 * h) for side, h in zip(sides(region), halo, strict=True))
    if volume >= 8 * smallest:
        widest = max(
            math.prod(
                min(whole_side, side + 2 * h)
                for side, h, whole_side in zip(sides(part), halo, sides(region), strict=True)
            )
            for part in parts
        )
        assert widest <= volume


def test_of_all_ways_the_one_with_least_context_is_taken():
    parts = cut_evenly(whole((64, 64, 64)), (4, 4, 4), 40 * 64 * 64)
    assert parts == [((0, 32), (0, 64), (0, 64)), ((32, 64), (0, 64), (0, 64))]


def test_without_context_there_are_as_few_parts_as_fit():
    assert cut_evenly(whole((64, 64, 64)), (0, 0, 0), 64**3) == [whole((64, 64, 64))]
    assert len(cut_evenly(whole((64, 64, 64)), (0, 0, 0), 64**3 // 2)) == 2


def test_nothing_needs_no_part():
    empty = ((0, 4), (3, 3), (0, 4))
    assert cut_evenly(empty, (0, 0, 0), 10) == []
    each = {"tile": (4, 4, 4), "halo": (0, 0, 0), "stride": (1, 1, 1), "smallest": (1, 1, 1)}
    assert plan_blocks((4, 4, 4), empty, **each) == []


def test_a_tile_without_room_for_a_core_is_refused():
    each = {"tile": (8, 8, 8), "halo": (4, 4, 4), "stride": (4, 4, 4), "smallest": (4, 4, 4)}
    with pytest.raises(ValueError, match="no core"):
        plan_blocks((32, 32, 32), whole((32, 32, 32)), **each)


def test_places_are_compared_axis_by_axis():
    a, b = ((0, 5), (2, 8)), ((3, 9), (0, 4))
    assert common(a, b) == ((3, 5), (2, 4))
    assert around(a, b) == ((0, 9), (0, 8))
    assert sides(common(a, ((7, 9), (2, 3)))) == (0, 1)
    assert slices(((3, 5), (2, 4)), a) == (slice(3, 5), slice(0, 2))
