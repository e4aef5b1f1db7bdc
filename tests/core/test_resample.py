"""Resampling on global coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from napari_selfreg.core.resample import (
    axis_filter,
    model_shape,
    resample_region,
    resample_window,
    source_box,
)
from napari_selfreg.core.types import Box, PixelSize

lengths = st.integers(1, 60)


def picture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@st.composite
def regions(draw):
    in_shape = draw(lengths), draw(lengths)
    out_shape = draw(lengths), draw(lengths)
    y0, x0 = draw(st.integers(0, out_shape[0] - 1)), draw(st.integers(0, out_shape[1] - 1))
    y1 = draw(st.integers(y0 + 1, out_shape[0]))
    x1 = draw(st.integers(x0 + 1, out_shape[1]))
    return in_shape, out_shape, Box(y0, x0, y1, x1)


@given(regions())
def test_a_tile_is_the_crop_of_the_whole(case):
    in_shape, out_shape, box = case
    image = picture((*in_shape, 3))
    whole = resample_region(image, out_shape, Box(0, 0, *out_shape))
    part = resample_region(image, out_shape, box)
    np.testing.assert_array_equal(part, whole[box.slices])


@given(regions())
def test_a_window_is_enough(case):
    in_shape, out_shape, box = case
    image = picture(in_shape).astype(np.float32)
    needed = source_box(in_shape, out_shape, box)
    part = resample_window(image[needed.slices], needed, in_shape, out_shape, box)
    whole = resample_window(image, Box(0, 0, *in_shape), in_shape, out_shape, box)
    np.testing.assert_array_equal(part, whole)


@given(regions(), st.integers(0, 255))
def test_a_flat_image_stays_flat(case, value):
    in_shape, out_shape, box = case
    image = np.full((*in_shape, 3), value, np.uint8)
    np.testing.assert_allclose(resample_region(image, out_shape, box), value, rtol=1e-5)


def test_scale_one_is_the_identity_in_the_own_dtype():
    image = picture((9, 7, 3))
    part = resample_region(image, (9, 7), Box(2, 1, 8, 6))
    assert part.dtype == np.uint8
    np.testing.assert_array_equal(part, image[2:8, 1:6])


@pytest.mark.parametrize("out_shape", [(20, 31), (90, 75), (37, 20)])
def test_it_is_pillows_bilinear_filter(out_shape):
    image = picture((40, 50)).astype(np.float32)
    ours = resample_region(image, out_shape, Box(0, 0, *out_shape))
    theirs = Image.fromarray(image).resize(out_shape[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-3)


def test_only_the_needed_part_is_read():
    class Watched:
        shape = (1000, 1000, 3)
        read: tuple[int, ...] = ()

        def __getitem__(self, key):
            part = np.zeros((1000, 1000, 3), np.uint8)[key]
            self.read = part.shape
            return part

    image = Watched()
    resample_region(image, (500, 500), Box(100, 100, 150, 160))
    assert image.read[0] <= 104
    assert image.read[1] <= 124


def test_a_window_too_small_is_refused():
    with pytest.raises(ValueError, match="does not contain"):
        resample_window(np.zeros((4, 4)), Box(0, 0, 4, 4), (8, 8), (16, 16), Box(0, 0, 16, 16))


@given(lengths, lengths)
def test_the_rows_of_a_filter_sum_to_one(n_in, n_out):
    axis = axis_filter(n_in, n_out, 0, n_out)
    assert (axis.first, axis.last) == (0, n_in) or n_in > n_out or axis.last <= n_in
    np.testing.assert_allclose(axis.matrix.sum(axis=1), 1, rtol=1e-5)


def test_nearly_equal_pixel_sizes_are_left_alone():
    size = model_shape((1000, 800), PixelSize(0.499, 0.499), PixelSize(0.5, 0.5))
    assert size == (1000, 800)


def test_each_axis_has_its_own_scale():
    assert model_shape((100, 100), PixelSize(0.5, 0.25), PixelSize(1, 1)) == (50, 25)


def test_an_image_never_vanishes():
    assert model_shape((1, 1), PixelSize(0.1, 0.1), PixelSize(2, 2)) == (1, 1)


@given(regions(), st.floats(-3, 3))
def test_resampling_is_linear(case, factor):
    in_shape, out_shape, box = case
    if in_shape == out_shape:
        return
    first, second = (picture(in_shape, seed).astype(np.float32) for seed in (1, 2))
    both = resample_region(first + np.float32(factor) * second, out_shape, box)
    apart = resample_region(first, out_shape, box) + np.float32(factor) * resample_region(
        second, out_shape, box
    )
    np.testing.assert_allclose(both, apart, atol=2e-3)


@given(regions())
def test_no_value_is_invented(case):
    in_shape, out_shape, box = case
    image = picture((*in_shape, 2))
    needed = image[source_box(in_shape, out_shape, box).slices]
    part = resample_region(image, out_shape, box)
    assert (part >= needed.min((0, 1)) - 1e-3).all()
    assert (part <= needed.max((0, 1)) + 1e-3).all()


@given(regions())
def test_mirrored_and_turned_pictures_stay_so(case):
    in_shape, out_shape, box = case
    image = picture(in_shape).astype(np.float32)
    part = resample_region(image, out_shape, box)
    turned = Box(box.x0, box.y0, box.x1, box.y1)
    np.testing.assert_allclose(
        resample_region(image.T, out_shape[::-1], turned), part.T, rtol=1e-5, atol=1e-3
    )
    mirrored = Box(box.y0, out_shape[1] - box.x1, box.y1, out_shape[1] - box.x0)
    np.testing.assert_allclose(
        resample_region(image[:, ::-1], out_shape, mirrored), part[:, ::-1], rtol=1e-4, atol=1e-2
    )


@given(st.integers(1, 12), st.integers(2, 6))
def test_a_ramp_keeps_its_slope_in_the_middle(n_out, factor):
    n_in = n_out * factor
    ramp = np.tile(np.arange(n_in, dtype=np.float32), (2, 1))
    small = resample_region(ramp, (2, n_out), Box(0, 0, 2, n_out))[0]
    centres = (np.arange(n_out) + 0.5) * factor - 0.5
    np.testing.assert_allclose(small[1:-1], centres[1:-1], rtol=1e-5)


@given(st.integers(1, 3000), st.floats(0.05, 10), st.floats(0.05, 10))
def test_there_and_back_is_the_same_size_within_a_pixel(side, own, wanted):
    assume(abs(own / wanted - 1) > 0.05)  # nearly equal sizes are left alone
    there = model_shape((side, side), PixelSize(own, own), PixelSize(wanted, wanted))
    back = model_shape(there, PixelSize(wanted, wanted), PixelSize(own, own))
    assert there[0] >= 1
    assert abs(back[0] - side) <= max(1.0, 0.5 * wanted / own + 1) or there[0] == 1
