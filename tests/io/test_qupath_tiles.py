"""Names as QuPath's tile exporter writes them, and the place they give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.qupath_tiles import SlidePlace, TileName, parse_tile_name, place_by_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CMU-1 [x=0,y=0,w=512,h=512].tif", TileName(1, 0, 0, 512, 512)),
        ("CMU-1 [d=2,x=4096,y=512,w=1024,h=1024].tif", TileName(2, 4096, 512, 1024, 1024)),
        ("a b [d=4.03226,x=1,y=2,w=2065,h=2065].ome.tif", TileName(4.03226, 1, 2, 2065, 2065)),
        ("S19-1 [d=0.5,x=10,y=20,w=128,h=128].png", TileName(0.5, 10, 20, 128, 128)),
        ("rim [d=2,x=-256,y=-3,w=1024,h=1024].jpg", TileName(2, -256, -3, 1024, 1024)),
        ("far [d=1,024,x=0,y=0,w=9216,h=9216].png", TileName(1024, 0, 0, 9216, 9216)),
        ("z [d=2,x=1,y=2,w=4,h=8,z=3,t=1].tif", TileName(2, 1, 2, 4, 8)),
        ("mask [d=2,x=1,y=2,w=4,h=8]-labelled.png", TileName(2, 1, 2, 4, 8)),
        ("a stem [x=1,y=2,w=4,h=8]", TileName(1, 1, 2, 4, 8)),
        ("two [1] [x=1,y=2,w=4,h=8].tif", TileName(1, 1, 2, 4, 8)),
    ],
)
def test_real_names(name: str, expected: TileName) -> None:
    assert parse_tile_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "field.tif",
        "field [1].tif",
        "x=1,y=2,w=4,h=8.tif",
        "cut [x=1,y=2,w=4].tif",
        "nothing [x=1,y=2,w=0,h=8].tif",
        "no [d=0,x=1,y=2,w=4,h=8].tif",
        "edited [x=1,y=2,w=4,h=8] copy.tif",
    ],
)
def test_other_names_are_no_tiles(name: str) -> None:
    assert parse_tile_name(name) is None
    assert place_by_name(name, (8, 4)) == (None, "")


@given(
    st.integers(-5000, 200_000),
    st.integers(-5000, 200_000),
    st.sampled_from([1.0, 2.0, 2.5, 4.03226, 7.9]),
    st.integers(40, 3000),
    st.integers(40, 3000),
)
def test_the_corners_of_the_tile_are_exact(x: int, y: int, d: float, w: int, h: int) -> None:
    shape = (max(1, round(h / d)), max(1, round(w / d)))  # as QuPath sizes what it writes
    place, warning = place_by_name(f"a [d={d:g},x={x},y={y},w={w},h={h}].tif", shape)
    assert place is not None
    assert not warning
    corners = np.array([[0, 0], [shape[1], shape[0]]])
    assert np.allclose(place.to_slide(corners), [[x, y], [x + w, y + h]])
    assert np.allclose(place.to_picture(place.to_slide(corners)), corners)


def test_a_tile_that_was_cut_since_is_not_placed() -> None:
    place, warning = place_by_name("a [d=2,x=0,y=0,w=1024,h=1024].tif", (512, 500))
    assert place is None
    assert "512 × 512" in warning
    assert "500 × 512" in warning


def test_a_part_of_a_tile_and_a_coarser_copy() -> None:
    whole = SlidePlace(100, 200, (2.0, 4.0))
    part = whole.of_part(10, 20, (1.0, 1.0))
    assert part == SlidePlace(180, 220, (2.0, 4.0))
    coarse = whole.of_part(10, 20, (3.0, 3.0))
    assert coarse == SlidePlace(100 + 20 * 12, 200 + 10 * 6, (6.0, 12.0))


@pytest.mark.parametrize("downsample", [0.0, -1.0, 1e-3, 1e6, 1e300, float("nan"), float("inf")])
def test_a_place_must_be_possible(downsample: float) -> None:
    with pytest.raises(
        BadInputError, match=r"downsample of .*outside 0\.02 to 10,000: give|numbers"
    ):
        SlidePlace(0, 0, (1.0, downsample))
    assert SlidePlace(0, 0, (0.02, 10_000.0)).downsample == (0.02, 10_000.0)


@pytest.mark.parametrize("x", [1e300, -1e10, float("nan")])
def test_a_place_lies_on_a_slide(x: float) -> None:
    with pytest.raises(BadInputError, match="two numbers, in pixels of that slide"):
        SlidePlace(x, 0)


def test_a_name_with_an_impossible_downsample_is_no_tile() -> None:
    assert parse_tile_name("a [d=90000,x=0,y=0,w=90000,h=90000].tif") is None
