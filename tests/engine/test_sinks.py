"""From tiles to the arrays of the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.tiles import Tile
from napari_selfreg.core.types import Box
from napari_selfreg.engine.blend import BlendedSum, window_weights
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.sinks import BlendedSink, DirectSink, Target, entropy, preview

SAME = Grids((40, 40), (40, 40))
HALVED = Grids((40, 40), (20, 20))


def target(region, channels=2, uncertain=False):
    out = np.full((channels, *region.shape), np.nan, np.float32)
    unsure = np.full(region.shape, np.nan, np.float32) if uncertain else None
    return out, unsure, Target(out, unsure, region, 1)


def flat(value, box, channels=2):
    return np.full((channels, *box.shape), value, np.float32)


@pytest.mark.parametrize("grids", [SAME, HALVED])
def test_a_core_is_written_where_it_lies(grids):
    out, _, goal = target(Box(0, 0, 40, 40))
    sink = DirectSink(grids, goal)
    side = grids.model[0]
    core = Box(0, 0, side // 2, side)
    tile = Tile(core, Box(0, 0, side, side))
    wanted = sink.wanted(tile)
    assert wanted.y1 == side // 2 + grids.margin
    place, part = sink.take(tile, flat(0.25, wanted), wanted)
    assert place == Box(0, 0, 20, 40)
    assert part.shape == (2, 20, 40)
    assert (out[:, :20] == 0.25).all()
    assert np.isnan(out[:, 20:]).all()
    assert list(sink.finish()) == []


def test_glass_is_zero_and_certain():
    out, unsure, goal = target(Box(0, 0, 40, 40), uncertain=True)
    unsure[:] = 0
    tile = Tile(Box(0, 0, 40, 40), Box(0, 0, 40, 40))
    _, part = DirectSink(SAME, goal).take(tile, None, tile.core)
    assert part is None
    assert (out == 0).all()
    assert (unsure == 0).all()


def test_only_the_region_is_written():
    out, _, goal = target(Box(10, 10, 20, 30))
    tile = Tile(Box(0, 0, 40, 40), Box(0, 0, 40, 40))
    values = np.random.default_rng(0).random((2, 40, 40), np.float32)
    place, _ = DirectSink(SAME, goal).take(tile, values, tile.core)
    assert place == Box(10, 10, 20, 30)
    np.testing.assert_array_equal(out, values[:, 10:20, 10:30])


@pytest.mark.parametrize("grids", [SAME, HALVED])
def test_overlapping_windows_are_averaged_by_their_weights(grids):
    side = grids.model[0]
    out, _, goal = target(Box(0, 0, 40, 40))
    sink = BlendedSink(grids, goal, 2)
    half, quarter = side // 2, side // 4
    windows = [Box(0, 0, half + quarter, side), Box(quarter, 0, side, side)]
    cores = [Box(0, 0, half, side), Box(half, 0, side, side)]
    for value, window, core in zip((0.0, 1.0), windows, cores, strict=True):
        tile = Tile(core, window)
        assert sink.wanted(tile) == window
        _, part = sink.take(tile, flat(value, window), window)
        assert (part == value).all()  # previews are not blended
    assert list(sink.finish())[-1] == 1
    column = out[0, :, 20]
    assert column[0] < 0.01
    assert column[-1] > 0.99
    assert (np.diff(column) >= 0).all()
    assert abs(column[19:21].mean() - 0.5) < 0.01


def test_a_blended_region_is_the_crop_of_the_blended_whole():
    rng = np.random.default_rng(0)
    window = Box(0, 0, 20, 20)
    values = rng.random((2, 20, 20), np.float32)
    tile = Tile(window, window)
    results = []
    for region in (Box(0, 0, 40, 40), Box(7, 9, 31, 33)):
        out, _, goal = target(region)
        sink = BlendedSink(HALVED, goal, 2)
        sink.take(tile, values, window)
        list(sink.finish())
        results.append(out)
    np.testing.assert_allclose(results[1], results[0][:, 7:31, 9:33], atol=1e-6)


def test_a_skipped_window_counts_as_nothing_found():
    out, _, goal = target(Box(0, 0, 40, 40))
    sink = BlendedSink(SAME, goal, 2)
    tile = Tile(Box(0, 0, 40, 40), Box(0, 0, 40, 40))
    sink.take(tile, None, tile.window)
    list(sink.finish())
    assert (out == 0).all()


@given(st.integers(1, 60), st.integers(1, 60))
def test_weights_are_symmetric_and_never_zero(height, width):
    weights = window_weights((height, width))
    assert weights.shape == (height, width)
    assert weights.min() > 0
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-5)


def test_a_sum_of_one_window_is_the_window():
    values = np.random.default_rng(0).random((1, 8, 8), np.float32)
    total = BlendedSum(1, Box(2, 2, 10, 10))
    total.add(values, Box(2, 2, 10, 10))
    total.add(values, Box(50, 50, 58, 58))  # beside it
    np.testing.assert_allclose(total.mean(Box(3, 3, 9, 9)), values[:, 1:7, 1:7], rtol=1e-5)


@given(st.integers(1, 5), st.integers(0, 1000))
def test_uncertainty_is_between_certain_and_undecided(classes, seed):
    shares = np.random.default_rng(seed).dirichlet(np.ones(classes + 1), 6).T.astype(np.float32)
    values = entropy(shares[1:].reshape(classes, 2, 3))
    assert values.shape == (2, 3)
    assert ((values >= 0) & (values <= 1)).all()
    even = np.full((classes, 1, 1), 1 / (classes + 1), np.float32)
    assert entropy(even).item() == pytest.approx(1, abs=1e-5)
    assert entropy(np.zeros((classes, 1, 1), np.float32)).item() < 1e-4


def test_large_previews_are_thinned_out():
    values = np.random.default_rng(0).random((1, 1100, 300), np.float32)
    shown = preview(values, (1100, 300))
    assert shown.shape == (367, 100)
    assert abs(int(shown[1, 1]) - values[0, 3, 3] * 255) <= 0.5
    np.testing.assert_array_equal(preview(None, (1100, 300)), np.zeros((367, 100)))


def test_several_classes_are_shown_together():
    values = np.array([0.25, 0.5], np.float32).reshape(2, 1, 1)
    assert preview(values, (1, 1)).item() == 191
