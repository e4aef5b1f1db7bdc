"""Windows of a look, and the places that attention is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.inside_plan import Asked, inside_plan, lay_out
from napari_selfreg.engine.planning import Tiling

SAME = Grids((64, 80), (64, 80))


def tiling(*, blends: bool = False, fixed: bool = False, side: int = 16) -> Tiling:
    return Tiling((64, 80), 16, 16, blends, (side, side), (side, side), fixed)


def covered(tiles: tuple, shape: tuple[int, int] = (64, 80)) -> np.ndarray:
    count = np.zeros(shape, int)
    for tile in tiles:
        count[tile.core.slices] += 1
    return count


def test_the_frame_is_a_multiple_of_the_stride_around_what_is_wanted() -> None:
    layout = lay_out(tiling(), Box(17, 3, 33, 20), 1000)
    assert layout.frame == Box(16, 0, 48, 32)
    (tile,) = layout.tiles
    assert tile.core == layout.frame
    assert tile.window == Box(0, 0, 64, 48)


def test_local_networks_get_tiles_whose_cores_cover_the_frame_once() -> None:
    layout = lay_out(tiling(), Box(0, 0, 64, 80), 48)
    assert len(layout.tiles) > 1
    assert (covered(layout.tiles) == 1).all()
    assert not layout.notes


def test_networks_that_see_everything_get_one_window_and_no_split() -> None:
    layout = lay_out(tiling(blends=True), Box(0, 0, 64, 80), 16)
    (tile,) = layout.tiles
    assert tile.window == Box(0, 0, 64, 80)
    assert layout.split(tile) == []


def test_one_size_only_means_several_windows_and_a_note() -> None:
    layout = lay_out(tiling(blends=True, fixed=True, side=48), Box(0, 0, 64, 80), 1000)
    assert {tile.window.shape for tile in layout.tiles} == {(48, 48)}
    assert (covered(layout.tiles) == 1).all()
    assert "48 x 48 pixels at a time" in layout.notes[0]
    assert not lay_out(tiling(fixed=True, side=48), Box(0, 0, 16, 16), 1000).notes


def test_weights_are_the_mask_in_the_region_and_nothing_around() -> None:
    mask = np.zeros((8, 10), bool)
    mask[2:4, 5:] = True
    weights = Asked(SAME, Box(20, 30, 28, 40), mask).weights(Box(16, 16, 48, 48))
    wanted = np.zeros((32, 32))
    wanted[6:8, 19:24] = 1
    np.testing.assert_array_equal(weights, wanted)
    everywhere = Asked(SAME, Box(20, 30, 28, 40), None).weights(Box(16, 16, 48, 48))
    assert everywhere.sum() == 80
    assert not Asked(SAME, Box(0, 0, 8, 8), None).weights(Box(16, 16, 32, 32)).any()


def test_a_mask_is_averaged_onto_larger_pixels() -> None:
    grids = Grids((64, 80), (32, 40))
    mask = np.zeros((64, 80), bool)
    mask[:, :41] = True
    weights = Asked(grids, Box(0, 0, 64, 80), mask).weights(Box(0, 0, 32, 40))
    assert weights[:, :19].min() == pytest.approx(1)
    assert 0 < weights[0, 20] < 1
    assert not weights[:, 23:].any()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(BadInputError, match="mask is 3 x 3 pixels and the region 8 x 10"):
        Asked(SAME, Box(20, 30, 28, 40), np.ones((3, 3), bool))


def test_windows_carry_the_weights_only_if_they_are_asked_for() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    layout, window = lay_out(tiling(), Box(0, 0, 64, 80), 1000), Box(0, 0, 32, 32)
    plain = inside_plan(layout, SAME, image, None).read(window)
    np.testing.assert_array_equal(plain, image[:32, :32])
    asked = Asked(SAME, Box(0, 0, 8, 8), None)
    more = inside_plan(layout, SAME, image, asked).read(window)
    assert more.shape == (32, 32, 4)
    assert more[..., 3].sum() == 64
