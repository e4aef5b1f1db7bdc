"""Two grids of one picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.grids import Grids

sides = st.integers(1, 200)


@st.composite
def grids_and_cuts(draw):
    grids = Grids((draw(sides), draw(sides)), (draw(sides), draw(sides)))
    rows = sorted(draw(st.sets(st.integers(1, 200), max_size=4)))
    cuts = [0, *(cut for cut in rows if cut < grids.model[0]), grids.model[0]]
    return grids, cuts


@given(grids_and_cuts())
def test_cores_of_the_model_share_out_the_pixels_of_the_image(case):
    grids, cuts = case
    seen = np.zeros(grids.image, int)
    for start, stop in pairwise(cuts):
        seen[grids.to_image(Box(start, 0, stop, grids.model[1])).slices] += 1
    assert (seen == 1).all()


@given(grids_and_cuts(), st.data())
def test_a_box_of_the_model_covers_its_box_of_the_image(case, data):
    grids, _ = case
    y0 = data.draw(st.integers(0, grids.image[0] - 1))
    x0 = data.draw(st.integers(0, grids.image[1] - 1))
    box = Box(y0, x0, data.draw(st.integers(y0 + 1, grids.image[0])), grids.image[1])
    covering = grids.to_model(box)
    assert not covering.empty
    assert covering.intersect(Box(0, 0, *grids.model)) == covering
    back = grids.to_image(covering)
    assert back.intersect(box) == box


@given(grids_and_cuts(), st.data())
def test_core_and_margin_are_enough_to_go_back(case, data):
    grids, cuts = case
    start = data.draw(st.integers(0, len(cuts) - 2))
    core = Box(cuts[start], 0, cuts[start + 1], grids.model[1])
    place = grids.to_image(core)
    if place.empty:
        return
    wide = Box(core.y0 - grids.margin, 0, core.y1 + grids.margin, core.x1)
    wide = wide.intersect(Box(0, 0, *grids.model))
    values = np.random.default_rng(0).random((2, *grids.model), np.float32)
    part = grids.back(values[:, wide.y0 : wide.y1, wide.x0 : wide.x1], wide, place)
    whole = grids.back(values, Box(0, 0, *grids.model), Box(0, 0, *grids.image))
    np.testing.assert_array_equal(part, whole[:, place.y0 : place.y1, place.x0 : place.x1])
    needed = grids.needed(place)
    assert needed.intersect(wide) == needed


def test_pixels_beyond_the_image_are_its_mirror():
    image = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    grids = Grids((5, 4), (5, 4))
    window = grids.read(image, Box(0, 0, 8, 16))
    np.testing.assert_array_equal(window, np.pad(image, ((0, 3), (0, 12), (0, 0)), mode="reflect"))
    assert window.flags.writeable
    assert window.flags.c_contiguous


def test_one_pixel_can_be_mirrored():
    assert Grids((1, 1), (1, 1)).read(np.full((1, 1, 3), 7, np.uint8), Box(0, 0, 16, 16)).min() == 7


def test_the_models_grid_follows_the_pixel_sizes():
    grids = Grids.between((100, 80), PixelSize(0.5, 0.25), PixelSize(1.0, 1.0))
    assert grids.model == (50, 20)
    assert not grids.same
    assert Grids.between((100, 80), PixelSize(0.499, 0.5), PixelSize(0.5, 0.5)).same


@pytest.mark.parametrize(("image", "model", "margin"), [(100, 100, 0), (100, 50, 2), (100, 300, 4)])
def test_the_margin_is_as_wide_as_the_filter(image, model, margin):
    assert Grids((image, image), (model, model)).margin == margin
