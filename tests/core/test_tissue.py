"""Glass is only called glass when it surely is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.tissue import SMALLEST, is_glass, tissue_mask

SIDE = SMALLEST


def glass(level=240.0, noise=1.5, tint=(0, 0, 0), side=SIDE):
    rng = np.random.default_rng(0)
    values = level + np.array(tint) + rng.normal(0, noise, (side, side, 3))
    return np.clip(values, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("level", [225, 240, 255])
def test_even_bright_grey_is_glass(level):
    assert is_glass(glass(level))


def test_floats_on_the_same_scale_are_told_alike():
    assert is_glass(glass().astype(np.float32))


@pytest.mark.parametrize(
    ("window", "why"),
    [
        (glass(190), "too dark"),
        (glass(240, tint=(0, -14, 0)), "pink"),
        (glass(240, noise=9), "rough"),
        (glass(side=SIDE - 8), "small: may be the lumen of a gland"),
        (np.zeros((SIDE, SIDE, 3), np.uint8), "black"),
    ],
)
def test_anything_unusual_is_kept(window, why):
    assert not is_glass(window), why


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, SIDE - 12),
    st.integers(0, SIDE - 12),
    st.sampled_from([(225, 190, 215), (205, 205, 230), (228, 222, 228)]),
)
def test_a_spot_of_faint_tissue_anywhere_is_kept(y, x, colour):
    window = glass()
    window[y : y + 12, x : x + 12] = colour
    assert not is_glass(window)


def test_faint_tissue_all_over_is_kept():
    rng = np.random.default_rng(1)
    tissue = 240 - 0.12 * rng.normal(80, 40, (SIDE // 16, SIDE // 16, 1)) * np.array([0.6, 1, 0.5])
    window = np.kron(tissue, np.ones((16, 16, 1))).clip(0, 255).astype(np.uint8)
    assert not is_glass(window)


def test_a_shading_across_the_window_is_kept():
    window = glass(noise=0).astype(np.float32)
    window -= np.linspace(0, 15, SIDE)[:, None, None]
    assert not is_glass(window)


def test_the_mask_of_tissue_leaves_out_squares_of_bright_grey():
    picture = glass(240, side=44)
    picture[16:30, 8:20] = (200, 120, 160)
    mask = tissue_mask(picture)
    assert mask.shape == (44, 44)
    assert mask[16:30, 8:20].all()
    assert not mask[:8].any()
    assert not mask[:, 32:].any()
    np.testing.assert_array_equal(mask, tissue_mask(picture.astype(np.float32)))


@pytest.mark.parametrize("colour", [(120, 120, 120), (240, 225, 240), (255, 240, 255)])
def test_grey_or_pale_colour_is_tissue(colour):
    assert tissue_mask(np.full((5, 9, 3), colour, np.uint8)).all()
