"""The tile plan: every pixel once, enough context, nothing outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.tiles import ceil_to, order_tiles, padded_shape, plan_tiles, tile_shape
from napari_selfreg.core.types import Box

sizes = st.integers(1, 700)


@st.composite
def plans(draw):
    shape = draw(sizes), draw(sizes)
    y0, x0 = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
    y1, x1 = draw(st.integers(y0 + 1, shape[0])), draw(st.integers(x0 + 1, shape[1]))
    stride = draw(st.sampled_from([1, 8, 16, 32]))
    halo = draw(st.integers(0, 40))
    least = 2 * ceil_to(halo, stride) + stride
    tile = draw(st.integers(least, least + 200)), draw(st.integers(least, least + 200))
    return shape, Box(y0, x0, y1, x1), tile, halo, stride


@given(plans())
def test_cores_cover_the_region_exactly_once(plan):
    shape, region, tile, halo, stride = plan
    seen = np.zeros(shape, np.uint8)
    limits = padded_shape(shape, stride)
    for piece in plan_tiles(limits, region, tile=tile, halo=halo, stride=stride):
        seen[piece.core.slices] += 1
    expected = np.zeros(shape, np.uint8)
    expected[region.slices] = 1
    assert (seen == expected).all()


@given(plans())
def test_windows_lie_inside_on_the_stride_and_give_each_core_its_halo(plan):
    shape, region, tile, halo, stride = plan
    limits = padded_shape(shape, stride)
    for piece in plan_tiles(limits, region, tile=tile, halo=halo, stride=stride):
        window, core = piece.window, piece.core
        assert not core.empty
        assert window.intersect(Box(0, 0, *limits)) == window
        assert all(v % stride == 0 for v in (window.y0, window.x0, *window.shape))
        assert all(have <= most for have, most in zip(window.shape, tile, strict=True))
        assert window.y0 <= max(0, core.y0 - halo)
        assert window.x0 <= max(0, core.x0 - halo)
        assert window.y1 >= min(limits[0], core.y1 + halo)
        assert window.x1 >= min(limits[1], core.x1 + halo)


@given(plans())
def test_all_windows_of_a_plan_have_one_shape(plan):
    shape, region, tile, halo, stride = plan
    tiles = plan_tiles(padded_shape(shape, stride), region, tile=tile, halo=halo, stride=stride)
    assert len({piece.window.shape for piece in tiles}) == 1


def test_a_region_that_fits_one_tile_has_no_halo_at_the_image_border():
    (tile,) = plan_tiles((1008, 1008), Box(0, 0, 1000, 1000), tile=(1024, 1024), halo=64, stride=16)
    assert tile.window == Box(0, 0, 1008, 1008)
    assert tile.core == Box(0, 0, 1000, 1000)


def test_an_empty_region_needs_no_tile():
    assert plan_tiles((64, 64), Box(5, 5, 5, 9), tile=(32, 32), halo=0, stride=16) == []


def test_a_tile_without_room_for_a_core_is_refused():
    with pytest.raises(ValueError, match="no core"):
        plan_tiles((640, 640), Box(0, 0, 640, 640), tile=(64, 64), halo=32, stride=16)


@given(plans())
def test_the_best_shape_fits_and_needs_no_more_pixels_than_squares(plan):
    shape, region, _, halo, stride = plan
    limits, side = padded_shape(shape, stride), 2 * ceil_to(halo, stride) + 3 * stride
    best = tile_shape(limits, region, area=side**2, halo=halo, stride=stride)
    assert best[0] * best[1] <= side**2
    assert all(v % stride == 0 for v in best)

    def windows(tile):
        tiles = plan_tiles(limits, region, tile=tile, halo=halo, stride=stride)
        return [piece.window.shape[0] * piece.window.shape[1] for piece in tiles]

    # Even shares are rounded up to whole strides, which may cost a stride of each window.
    rounding = len(windows(best)) * stride * max(best)
    assert sum(windows(best)) <= sum(windows((side, side))) + rounding


def test_middling_images_are_cut_into_strips():
    best = tile_shape((2048, 2048), Box(0, 0, 2048, 2048), area=1536**2, halo=96, stride=16)
    assert best == (1120, 2048)


def test_too_small_an_area_still_leaves_a_core():
    best = tile_shape((640, 640), Box(0, 0, 640, 640), area=10, halo=32, stride=16)
    assert best == (80, 80)


def test_visible_tiles_come_first_and_from_the_centre():
    tiles = plan_tiles((512, 512), Box(0, 0, 512, 512), tile=(64, 64), halo=0, stride=16)
    focus = Box(256, 300, 400, 420)
    ordered = order_tiles(tiles, focus)
    visible = [not tile.core.intersect(focus).empty for tile in ordered]
    assert visible == sorted(visible, reverse=True)
    assert any(visible)
    first = ordered[0].core
    assert first.y0 <= 328 <= first.y1
    assert first.x0 <= 360 <= first.x1
    assert sorted(ordered, key=tiles.index) == tiles


def test_without_focus_the_order_stays():
    tiles = plan_tiles((128, 128), Box(0, 0, 128, 128), tile=(64, 64), halo=0, stride=16)
    assert order_tiles(tiles, None) == tiles


@given(sizes, sizes, st.sampled_from([1, 16, 32]), st.integers(0, 100))
def test_padding_is_the_smallest_that_fits(height, width, multiple, minimum):
    for side, padded in zip(
        (height, width), padded_shape((height, width), multiple, minimum), strict=True
    ):
        assert padded % multiple == 0
        assert padded >= max(side, minimum)
        assert padded - multiple < max(side, minimum, 1)
