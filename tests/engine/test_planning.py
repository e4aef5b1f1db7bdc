"""From a network and an image to tiles."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine import planning
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.planning import Tiling, largest_side, make_plan

LOCAL = nn.Conv2d(3, 2, 1)
WHOLE = nn.InstanceNorm2d(3)
CPU = torch.device("cpu")


def spec(stride=16, min_size=16, fixed_size=None):
    return SimpleNamespace(size_multiple=stride, min_size=min_size, fixed_size=fixed_size)


def cover(tiles, shape):
    seen = np.zeros(shape, int)
    for tile in tiles:
        seen[tile.core.slices] += 1
    return seen


@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.sampled_from([LOCAL, WHOLE]),
    st.sampled_from([spec(), spec(32, 64), spec(16, 96), spec(1, 1), spec(32, 32, (96, 128))]),
    st.integers(1, 600),
)
def test_any_image_is_covered_with_windows_the_network_takes(shape, network, taps, side):
    tiling = Tiling.of(network, taps, shape).sized(side)
    tiles = tiling.tiles(Box(0, 0, *shape))
    assert (cover(tiles, shape) == 1).all()
    for tile in tiles:
        assert all(v % taps.size_multiple == 0 for v in tile.window.shape)
        assert min(tile.window.shape) >= taps.min_size
        assert tile.window.intersect(Box(0, 0, *tiling.limits)) == tile.window
        if taps.fixed_size:
            assert tile.window.shape == taps.fixed_size


def test_a_field_that_fits_is_one_window_without_a_halo():
    side = largest_side(CPU, fused=True)
    assert side >= 1024
    (tile,) = Tiling.of(LOCAL, spec(), (1000, 1000)).sized(side).tiles(Box(0, 0, 1000, 1000))
    assert tile.window == Box(0, 0, 1008, 1008)


def test_networks_that_see_their_window_share_half_of_it():
    tiles = Tiling.of(WHOLE, spec(), (512, 1024)).sized(256).tiles(Box(0, 0, 512, 1024))
    starts = sorted({tile.window.x0 for tile in tiles})
    assert max(b - a for a, b in itertools.pairwise(starts)) <= 128
    assert {tile.window.shape for tile in tiles} == {(256, 256)}


@pytest.mark.parametrize(
    ("free", "fused", "views", "side"),
    [(1 << 40, True, 1, 2048), (1 << 40, True, 8, 768), (1 << 40, False, 1, 768),
     (1 << 30, True, 1, 915), (1 << 28, False, 1, 128)],
)  # fmt: skip
def test_windows_fit_a_quarter_of_the_free_memory(monkeypatch, free, fused, views, side):
    monkeypatch.setattr(planning, "free_memory", lambda: free)
    assert largest_side(CPU, fused=fused, views=views) == side


def test_windows_are_smaller_while_somebody_looks_on(monkeypatch):
    monkeypatch.setattr(planning, "free_memory", lambda: 1 << 40)
    assert largest_side(CPU, fused=True, watched=True) < largest_side(CPU, fused=True)
    assert largest_side(CPU, watched=True) == largest_side(CPU)
    monkeypatch.setattr(planning, "free_memory", lambda: 1 << 30)
    assert largest_side(CPU, fused=True, watched=True) == largest_side(CPU, fused=True)


def test_the_memory_of_a_gpu_is_found_out_by_trying(monkeypatch):
    monkeypatch.setattr(planning, "free_memory", lambda: 1)
    assert largest_side(torch.device("cuda")) == 2048
    assert largest_side(torch.device("cuda"), blends=True) < 2048


@pytest.mark.parametrize("network", [LOCAL, WHOLE])
def test_a_tile_is_split_until_no_core_is_left(network):
    tiling = Tiling.of(network, spec(), (1024, 1024), halo=16).sized(512)
    tile, areas = tiling.tiles(Box(0, 0, 1024, 1024))[0], []
    while pieces := tiling.split(tile):
        inside = Box(0, 0, 1024, 1024)
        seen = cover(pieces, (1024, 1024))
        assert (seen[tile.core.slices] == 1).all()
        assert seen.sum() == np.prod(tile.core.intersect(inside).shape)
        areas.append(np.prod(pieces[0].window.shape))
        tile = pieces[0]
    assert areas[0] <= 256**2
    assert areas == sorted(set(areas), reverse=True)
    assert areas[-1] <= 48**2


def test_a_fixed_size_cannot_be_split():
    tiling = Tiling.of(LOCAL, spec(32, 32, (96, 96)), (300, 300)).sized(512)
    assert tiling.blends
    assert tiling.may_turn
    assert tiling.probe_shape == (96, 96)
    assert tiling.split(tiling.tiles(Box(0, 0, 300, 300))[0]) == []
    assert not Tiling.of(LOCAL, spec(32, 32, (96, 64)), (300, 300)).may_turn


def test_the_probe_has_a_size_the_network_takes():
    assert Tiling.of(LOCAL, spec(), (10, 10)).probe_shape == (192, 192)
    assert Tiling.of(LOCAL, spec(128, 300), (10, 10)).probe_shape == (384, 384)


def test_a_plan_reads_and_skips_as_asked():
    image = np.full((700, 700, 3), 240, np.uint8)
    grids = Grids((700, 700), (700, 700))
    tiling = Tiling.of(LOCAL, spec(), (700, 700)).sized(1024)
    plans = [
        make_plan(tiling, grids, Box(0, 0, 700, 700), image, lambda tile: tile.core, None, skip)
        for skip in (True, False)
    ]
    window = plans[0].read(plans[0].tiles[0].window)
    assert window.shape == (704, 704, 3)
    assert [plan.skip(window) for plan in plans] == [True, False]


def test_a_focus_outside_the_image_changes_nothing():
    grids = Grids((400, 400), (400, 400))
    tiling = Tiling.of(LOCAL, spec(), (400, 400), halo=16).sized(128)
    tiles = tiling.tiles(Box(0, 0, 400, 400))
    plan = make_plan(
        tiling, grids, Box(0, 0, 400, 400), np.zeros((400, 400, 3)), lambda tile: tile.core,
        Box(-90, -90, -10, -10), True,
    )  # fmt: skip
    assert list(plan.tiles) == tiles


@pytest.mark.parametrize("focus", [Box(0, 0, 50, 50), Box(300, 310, 400, 390)])
def test_what_is_looked_at_is_seen_soon(focus):
    grids = Grids((700, 700), (700, 700))
    tiling = Tiling.of(LOCAL, spec(), (700, 700), halo=16).sized(512)
    image = np.zeros((700, 700, 3))
    plan = make_plan(tiling, grids, Box(0, 0, 700, 700), image, lambda t: t.core, focus, True)
    first = plan.tiles[0]
    assert not first.core.intersect(focus).empty
    assert np.prod(first.window.shape) < np.prod(plan.tiles[-1].window.shape) / 2
    np.testing.assert_array_equal(cover(plan.tiles, (700, 700)), 1)


def test_tiles_that_are_averaged_stay_whole():
    tiling = Tiling.of(WHOLE, spec(), (700, 700)).sized(512)
    grids, everything = Grids((700, 700), (700, 700)), Box(0, 0, 700, 700)
    assert tiling.blends
    plan = make_plan(
        tiling, grids, everything, np.zeros((700, 700, 3)), lambda t: t.core, everything, True
    )
    assert {tile.window.shape for tile in plan.tiles} == {tiling.tiles(everything)[0].window.shape}
