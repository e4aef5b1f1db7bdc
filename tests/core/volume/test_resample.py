"""Resampling: sizes, places, and values that no filter may leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_selfreg.core.volume.resample import resample, resampled_shape, sources, to_shape

RAMP = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
SIZES = st.tuples(*[st.sampled_from([0.4, 0.8, 1.0, 1.7, 3.0])] * 3)


def test_sizes_follow_the_spacing() -> None:
    assert resampled_shape((10, 20, 30), (2.0, 1.0, 0.5), (1.0, 1.0, 1.0)) == (20, 20, 15)
    assert resampled_shape((1, 2, 3), (1, 1, 1), (9, 9, 9)) == (1, 1, 1)
    assert resampled_shape((100, 100, 100), (1.015, 0.985, 1.0), (1, 1, 1)) == (100, 100, 100)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_the_same_spacing_changes_nothing(order: int) -> None:
    result = resample(RAMP, (1, 2, 3), (1, 2, 3), order)
    assert np.array_equal(result, RAMP)
    assert result is not RAMP


def test_nearest_by_hand() -> None:
    labels = np.array([[[0, 7, 9]]], np.uint8)
    fine = resample(labels, (1, 1, 1), (1, 1, 0.5), 0)
    assert fine.dtype == np.uint8
    assert fine.tolist() == [[[0, 0, 7, 7, 9, 9]]]
    assert resample(labels, (1, 1, 1), (1, 1, 3), 0).tolist() == [[[7]]]
    assert resample(fine, (1, 1, 0.5), (1, 1, 1), 0).tolist() == [[[0, 7, 9]]]


def test_linear_by_hand() -> None:
    line = np.array([[[0.0, 4.0]]])
    assert resample(line, (1, 1, 1), (1, 1, 0.5)).tolist() == [[[0.0, 1.0, 3.0, 4.0]]]
    assert resample(line, (1, 1, 1), (1, 1, 2.0)).tolist() == [[[2.0]]]


@pytest.mark.parametrize("order", [0, 1, 3])
def test_places_agree_with_scipy_when_voxels_get_smaller(order: int) -> None:
    values = ndimage.gaussian_filter(np.random.default_rng(1).random((7, 8, 9)), 1)
    zoomed = ndimage.zoom(values, (2, 3, 1), order=order, mode="nearest", grid_mode=True)
    result = resample(values, (2, 3, 1), (1, 1, 1), order)
    assert np.allclose(result, zoomed.clip(values.min(), values.max()), atol=1e-4)


@pytest.mark.parametrize("order", [1, 3])
def test_fine_stripes_do_not_turn_into_coarse_ones(order: int) -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (8, 8, 40))
    coarse = resample(stripes, (1, 1, 1), (1, 1, 3.1), order)
    assert np.ptp(coarse[..., 2:-2]) < 0.35
    assert np.ptp(resample(stripes, (1, 1, 1), (1, 1, 3.1), 0)) == 1


@given(SIZES, SIZES, st.sampled_from([0, 1, 3]))
def test_values_stay_within_their_range(
    spacing: tuple[float, float, float], target: tuple[float, float, float], order: int
) -> None:
    values = np.random.default_rng(2).normal(size=(5, 6, 7)).astype(np.float32)
    result = resample(values, spacing, target, order)
    assert result.shape == resampled_shape((5, 6, 7), spacing, target)
    assert result.dtype == np.float32
    slack = 1e-5
    assert values.min() - slack <= result.min() <= result.max() <= values.max() + slack


@given(st.tuples(*[st.integers(1, 12)] * 3))
def test_probabilities_remain_probabilities(shape: tuple[int, int, int]) -> None:
    chances = np.random.default_rng(3).dirichlet([1, 1, 1], (5, 6, 7)).transpose(3, 0, 1, 2)
    result = to_shape(chances, shape)
    assert result.shape == (3, *shape)
    assert np.allclose(result.sum(axis=0), 1, atol=1e-5)
    assert result.min() >= 0


@given(SIZES)
def test_the_middle_of_mass_stays(target: tuple[float, float, float]) -> None:
    values = np.zeros((15, 15, 15), np.float32)
    values[5:9, 6:10, 4:11] = 1
    values = ndimage.gaussian_filter(values, 1)
    result = resample(values, (1, 1, 1), target)
    scale = np.array(values.shape) / np.array(result.shape)
    middle = (np.array(ndimage.center_of_mass(result)) + 0.5) * scale
    assert np.allclose(middle, np.array(ndimage.center_of_mass(values)) + 0.5, atol=0.3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 39), st.integers(1, 40))
def test_sources_are_all_that_a_part_is_made_of_and_no_more(
    old: int, new: int, start: int, length: int
) -> None:
    start = min(start, new - 1)
    stop = min(start + length, new)
    each = np.eye(old, dtype=np.float32)[:, None, :, None]  # a channel with one voxel of 1 each
    part = to_shape(each, (1, new, 1))[:, 0, start:stop, 0]
    used = np.flatnonzero(part.any(axis=1))
    found = sources((1, old, 1), (1, new, 1), ((0, 1), (start, stop), (0, 1)))
    assert found == ((0, 1), (used[0], used[-1] + 1), (0, 1))
