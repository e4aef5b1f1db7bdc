"""Pixel sizes and boxes: what is possible, and boxes as sets of pixels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing

SIDE = 12
coordinates = st.integers(0, SIDE)
boxes = st.builds(Box, coordinates, coordinates, coordinates, coordinates)
micrometres = st.floats(1e-3, 1e3)


def pixels(box: Box) -> npt.NDArray[np.bool_]:
    """Return the pixels of a box inside a small picture."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside: npt.NDArray[np.bool_] = (box.y0 <= y) & (y < box.y1) & (box.x0 <= x) & (x < box.x1)
    return inside


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_impossible_pixel_sizes_are_refused_on_either_axis(value: float) -> None:
    for pair in ((value, 1.0), (1.0, value)):
        with pytest.raises(BadInputError, match="above 0"):
            PixelSize(*pair)
    with pytest.raises(SelfRegError):
        PixelSize.isotropic(value)


@given(micrometres, micrometres)
def test_area_and_mean_of_a_pixel(y: float, x: float) -> None:
    size = PixelSize(y, x)
    assert size.area_um2 == pytest.approx(y * x)
    assert size.mean**2 == pytest.approx(size.area_um2)
    assert min(y, x) * (1 - 1e-12) <= size.mean <= max(y, x) * (1 + 1e-12)
    assert PixelSize.isotropic(y).mean == pytest.approx(y)


@given(boxes)
def test_a_box_is_its_pixels(box: Box) -> None:
    inside = pixels(box)
    assert math.prod(box.shape) == np.count_nonzero(inside)
    assert box.empty == (not inside.any())
    cut = np.zeros((SIDE, SIDE), bool)
    cut[box.slices] = True
    np.testing.assert_array_equal(cut, inside)


@given(boxes, boxes)
def test_the_common_part_is_that_of_the_pixels(first: Box, second: Box) -> None:
    common = first.intersect(second)
    np.testing.assert_array_equal(pixels(common), pixels(first) & pixels(second))
    assert common == second.intersect(first)


@given(boxes, boxes, boxes)
def test_the_order_of_intersecting_does_not_matter(a: Box, b: Box, c: Box) -> None:
    assert a.intersect(b).intersect(c) == a.intersect(b.intersect(c))


@given(boxes, st.integers(-9, 9), st.integers(-9, 9))
def test_shifting_there_and_back(box: Box, dy: int, dx: int) -> None:
    moved = box.shift(dy, dx)
    assert moved.shape == box.shape
    assert (moved.y0 - box.y0, moved.x1 - box.x1) == (dy, dx)
    assert moved.shift(-dy, -dx) == box


@given(boxes, boxes, st.integers(-9, 9))
def test_shifting_goes_with_intersecting(first: Box, second: Box, by: int) -> None:
    together = first.intersect(second).shift(by, -by)
    assert together == first.shift(by, -by).intersect(second.shift(by, -by))


@pytest.mark.parametrize("thing", [PixelSize(1, 2), Box(0, 0, 1, 1), PostProcessing()])
def test_types_that_cross_rooms_cannot_be_changed(thing: object) -> None:
    name = dataclasses.fields(thing)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, 3.0)
    assert hash(thing) == hash(dataclasses.replace(thing))  # type: ignore[type-var]
