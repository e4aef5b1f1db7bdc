"""Pictures and comparisons of what was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.projection import fit_basis
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.inside_types import BlockMaps, Inside
from napari_selfreg.engine.inside_views import click_similarity, compare_blocks, map_of

REGION = Box(10, 20, 26, 52)


def block(channels: int = 5, step: int = 2, seed: int = 0, **fields: Any) -> BlockMaps:
    maps = np.random.default_rng(seed).normal(0, 1, (channels, 16 // step, 32 // step))
    translate = 10 + (step - 1) / 2, 20 + (step - 1) / 2
    return BlockMaps("E2", maps.astype(np.float16), (step, step), translate, **fields)


def inside(*blocks: BlockMaps, region: Box = REGION) -> Inside:
    named = {maps.block: maps for maps in blocks}
    return Inside("m", PixelSize.isotropic(1.0), region, named)


def test_a_click_is_like_itself() -> None:
    maps = block()
    found = click_similarity(maps, (14.2, 31.4))  # map pixel 2 covers rows 14 and 15, 5: 30 and 31
    assert found.shape == (8, 16)
    assert found[2, 5] == pytest.approx(1, abs=1e-6)
    assert np.unravel_index(found.argmax(), found.shape) == (2, 5)


@pytest.mark.parametrize(
    ("place", "pixel"), [((13.5, 19.5), (2, 0)), ((13.4, 0), (1, 0)), ((99, 99), (7, 15))]
)
def test_a_click_finds_the_map_pixel_under_it(
    place: tuple[float, float], pixel: tuple[int, int]
) -> None:
    assert click_similarity(block(), place)[pixel] == pytest.approx(1, abs=1e-6)


def test_a_drag_asks_for_the_mean_of_what_it_touches() -> None:
    maps = block()
    found = click_similarity(maps, Box(12, 24, 17, 27))  # rows 1-3, columns 2 and 3
    mean = maps.maps[:, 1:4, 2:4].astype(np.float64).mean((1, 2))
    rows = maps.maps.astype(np.float64)
    wanted = np.tensordot(mean, rows, 1) / np.linalg.norm(mean) / np.linalg.norm(rows, axis=0)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_volumes_are_clicked_too() -> None:
    maps = np.random.default_rng(0).normal(0, 1, (4, 3, 5, 6)).astype(np.float16)
    volume = BlockMaps("B", maps, (2.0, 2.0, 2.0), (0.5, 0.5, 0.5))
    assert click_similarity(volume, (4, 2, 9))[2, 1, 4] == pytest.approx(1, abs=1e-6)
    assert click_similarity(volume, Box(0, 0, 4, 4)).shape == (3, 5, 6)


def test_every_kind_of_picture() -> None:
    last = np.zeros((8, 16), np.float32)
    attention = np.ones((8, 16), np.float32)
    seen = inside(block(last=last, attention=attention))
    maps = seen.blocks["E2"].maps.astype(np.float32)
    np.testing.assert_array_equal(map_of("channel", seen, "E2", channel=3), maps[3])
    square = (maps**2).mean(0)
    np.testing.assert_allclose(map_of("energy", seen, "E2"), np.sqrt(square), rtol=1e-4)
    np.testing.assert_allclose(map_of("scr", seen, "E2"), square, rtol=1e-4)
    np.testing.assert_array_equal(map_of("attention", seen, "E2"), attention)
    colours = map_of("pca", seen, "E2")
    assert colours.shape == (8, 16, 3)
    assert colours.dtype == np.uint8
    other = fit_basis([block(seed=3).maps])
    assert not np.array_equal(map_of("pca", seen, "E2", basis=other), colours)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("energy", "E7"), "no block 'E7'"),
        (("attention", "E2"), "attention of E2 was not asked"),
        (("scr", "E2"), "scr of E2 was not"),
        (("heat", "E2"), "no picture 'heat'"),
    ],
)
def test_what_is_not_there_is_said(arguments: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        map_of(arguments[0], inside(block()), arguments[1])


def test_a_channel_too_far_is_said() -> None:
    with pytest.raises(BadInputError, match="5 channels"):
        map_of("channel", inside(block()), "E2", channel=5)


def test_equal_and_rotated_blocks_are_wholly_alike() -> None:
    a = block()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    turned = np.tensordot(3 * rotation, a.maps.astype(np.float64), 1).astype(np.float16)
    found = compare_blocks(inside(a), inside(replace(a, maps=turned)))
    assert found == {"E2": pytest.approx(1, abs=1e-4)}
    assert compare_blocks(inside(a), inside(block(seed=9)))["E2"] < 0.3


def test_blocks_of_too_few_places_are_left_out() -> None:
    few, enough = (
        replace(block(), maps=np.random.default_rng(2).random((5, 1, n)).astype(np.float16))
        for n in (3, 4)
    )
    assert compare_blocks(inside(few), inside(few)) == {}
    assert list(compare_blocks(inside(enough), inside(enough))) == ["E2"]


def test_finer_maps_are_averaged_onto_coarser_ones() -> None:
    fine = block(step=1)
    means = fine.maps.astype(np.float64).reshape(5, 8, 2, 16, 2).mean((2, 4))
    coarse = replace(block(step=2), maps=means.astype(np.float16))
    for pair in ((fine, coarse), (coarse, fine)):
        found = compare_blocks(*(inside(one) for one in pair))
        assert found["E2"] == pytest.approx(1, abs=1e-4)


def test_only_common_blocks_of_one_region_are_compared() -> None:
    a = inside(block(), replace(block(seed=1), block="B"))
    assert list(compare_blocks(a, inside(block()))) == ["E2"]
    with pytest.raises(BadInputError, match="same part"):
        compare_blocks(a, inside(block(), region=Box(0, 0, 9, 9)))
