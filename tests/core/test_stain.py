"""Stains: tables, inverses and the linear mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.color import rgb2hed, rgb_from_hed

from napari_selfreg.core.stain import jitter_stains, od_from_rgb, rgb_from_od, separate_stains

MIX = rgb_from_hed.astype(np.float32)
PICTURES = hnp.arrays(np.uint8, (5, 4, 3), elements=st.integers(1, 255))


def test_white_has_no_density() -> None:
    assert od_from_rgb(np.full((2, 3), 255, np.uint8)).max() == 0.0


def test_black_has_a_finite_density() -> None:
    assert od_from_rgb(np.zeros((1, 3), np.uint8)) == pytest.approx(np.log10(255))


@given(PICTURES)
def test_density_and_back_is_the_same_picture(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(rgb_from_od(od_from_rgb(rgb)), rgb)


@given(PICTURES)
def test_stains_agree_with_scikit_image_up_to_its_unit(rgb: np.ndarray) -> None:
    ours = separate_stains(rgb)
    theirs = rgb2hed(rgb)
    # scikit-image divides by log(1e-6) instead of log(0.1), and cuts off negative amounts.
    np.testing.assert_allclose(np.maximum(ours, 0), theirs * 6.0, atol=2e-3)


@given(PICTURES)
def test_jitter_of_nothing_changes_nothing(rgb: np.ndarray) -> None:
    changed = jitter_stains(rgb, np.ones(3), np.zeros(3)).astype(int)
    assert np.abs(changed - rgb).max() <= 1


def test_more_haematoxylin_makes_a_nucleus_darker_and_bluer() -> None:
    nucleus = np.array([[[110, 80, 150]]], np.uint8)
    darker = jitter_stains(nucleus, np.array([1.4, 1.0, 1.0]), np.zeros(3))[0, 0]
    assert (darker < nucleus[0, 0]).all()
    assert separate_stains(darker[None, None])[0, 0, 0] == pytest.approx(
        1.4 * separate_stains(nucleus)[0, 0, 0], rel=0.03
    )


@given(PICTURES, st.integers(0, 2), st.floats(0.7, 1.3))
def test_a_gain_changes_its_own_stain_only(rgb: np.ndarray, stain: int, gain: float) -> None:
    gains = np.ones(3)
    gains[stain] = gain
    # Compared before rounding: the amounts mixed back must be the scaled ones.
    wanted = rgb_from_od((separate_stains(rgb) * gains.astype(np.float32)) @ MIX)
    changed = jitter_stains(rgb, gains, np.zeros(3)).astype(int)
    assert np.abs(changed - wanted).max() <= 1


@given(PICTURES, hnp.arrays(np.float64, 3, elements=st.floats(0.0, 0.3)))
def test_an_offset_adds_stain_everywhere(rgb: np.ndarray, offset: np.ndarray) -> None:
    changed = jitter_stains(rgb, np.ones(3), offset).astype(int)
    assert (changed <= rgb.astype(int) + 1).all()
    wanted = rgb_from_od(od_from_rgb(rgb) + offset.astype(np.float32) @ MIX)
    assert np.abs(changed - wanted).max() <= 1


def test_white_stays_white_whatever_the_gain() -> None:
    white = np.full((2, 2, 3), 255, np.uint8)
    assert (jitter_stains(white, np.array([0.2, 3.0, 1.5]), np.zeros(3)) == 255).all()


@pytest.mark.parametrize("gain", [0.0, 10.0, -10.0])
def test_wild_gains_are_cut_off_and_never_wrap(gain: float) -> None:
    ramp = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
    changed = jitter_stains(ramp, np.full(3, gain), np.zeros(3)).astype(int)
    direction = np.sign(gain)  # more stain keeps the order, bleaching beyond white turns it
    assert (direction * np.diff(changed, axis=0) >= -1).all()
    assert changed[255].tolist() == [255, 255, 255]


@given(PICTURES)
def test_pixels_do_not_depend_on_each_other(rgb: np.ndarray) -> None:
    whole = separate_stains(rgb)
    np.testing.assert_allclose(whole[2, 1:3], separate_stains(rgb[2, 1:3]), atol=1e-6)
    np.testing.assert_allclose(whole[..., 0].T, separate_stains(rgb.swapaxes(0, 1))[..., 0])
