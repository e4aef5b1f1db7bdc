"""Intensities: one scale for every scanner, and nothing that outliers could spoil."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_selfreg.core.volume.intensity import normalise

NORMAL = np.random.default_rng(0).normal(300, 40, (20, 21, 22)).astype(np.float32)


def test_the_middle_is_0_and_the_spread_is_1() -> None:
    result = normalise(NORMAL)
    assert result.dtype == np.float32
    assert abs(result.mean()) < 1e-3
    assert abs(result.std() - 1) < 1e-3
    # 0.5 % and 99.5 % of a normal distribution, in units of what remains within them
    assert -2.8 < result.min() < -2.5
    assert 2.5 < result.max() < 2.8


@pytest.mark.parametrize("huge", [1.7e6, 1e30, -1e30, 3e38])
def test_a_few_huge_voxels_change_next_to_nothing(huge: float) -> None:
    spoiled = NORMAL.copy()
    spoiled[0, 0, :10] = huge
    difference = np.abs(normalise(spoiled) - normalise(NORMAL))[1:]
    assert difference.mean() < 0.01
    assert difference.max() < 0.2  # where it is cut off


def test_scale_and_offset_of_a_scanner_do_not_matter() -> None:
    assert np.allclose(normalise(NORMAL), normalise(NORMAL * 5000 - 2e5), atol=2e-3)


def test_a_padded_border_does_not_count() -> None:
    padded = np.pad(NORMAL, 20)
    assert np.allclose(normalise(padded)[20:-20, 20:-20, 20:-20], normalise(NORMAL), atol=0.02)


def test_voxels_that_are_no_number_count_as_the_lowest() -> None:
    spoiled = NORMAL.copy()
    spoiled[0, 0, 0], spoiled[0, 0, 1], spoiled[0, 0, 2] = np.nan, np.inf, -np.inf
    result = normalise(spoiled)
    assert np.isfinite(result).all()
    assert (result[0, 0, :3] == result.min()).all()


def test_a_mask_keeps_its_two_values() -> None:
    mask = np.zeros((10, 10, 10), np.uint8)
    mask[:5] = 1
    assert set(np.unique(normalise(mask)).tolist()) == {-1.0, 1.0}


def test_a_single_other_voxel_is_seen() -> None:
    spot = np.zeros((10, 10, 10))
    spot[5, 5, 5] = 7
    result = normalise(spot)
    assert result[5, 5, 5] == result.max() > 10
    assert abs(np.delete(result.ravel(), 555)).max() < 0.1


@pytest.mark.parametrize("value", [0.0, -3.0, 1e30, np.nan, np.inf])
def test_volumes_of_one_value_become_0(value: float) -> None:
    result = normalise(np.full((3, 4, 5), value))
    assert result.shape == (3, 4, 5)
    assert not result.any()


@given(
    arrays(
        np.float32,
        (3, 4, 5),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_whatever_comes_the_result_is_finite_and_in_order(values: np.ndarray) -> None:
    result = normalise(values)
    assert np.isfinite(result).all()
    good = np.isfinite(values)
    order = np.argsort(values[good], kind="stable")
    assert (np.diff(result[good][order]) >= 0).all()


def test_the_input_stays_as_it_was() -> None:
    copy = NORMAL.copy()
    normalise(copy)
    assert np.array_equal(copy, NORMAL)
