from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.maps import cosine_to, energy, overlap, scr_residual

shapes = st.lists(st.integers(1, 5), min_size=3, max_size=4).map(tuple)


def maps_of(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, shape).astype(np.float16)


@given(shapes)
def test_energy_is_the_root_mean_square(shape: tuple[int, ...]) -> None:
    maps = maps_of(shape)
    wanted = np.sqrt((maps.astype(np.float64) ** 2).mean(0))
    np.testing.assert_allclose(energy(maps), wanted, rtol=1e-5)


@given(shapes)
def test_cosine_is_one_where_it_was_asked(shape: tuple[int, ...]) -> None:
    maps = maps_of(shape)
    place = tuple(side // 2 for side in shape[1:])
    wanted = maps[(slice(None), *place)].astype(np.float64)
    rows = maps.astype(np.float64)
    cosines = np.tensordot(wanted, rows, 1) / np.linalg.norm(wanted) / np.linalg.norm(rows, axis=0)
    found = cosine_to(maps, wanted)
    assert found.shape == shape[1:]
    assert found[place] == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found, cosines, atol=1e-5)


def test_cosine_without_activity_is_zero() -> None:
    maps = np.zeros((2, 1, 2), np.float16)
    maps[:, 0, 1] = 3, 4
    assert cosine_to(maps, [3, 4]).tolist() == [[0, 1]]
    assert cosine_to(maps, [0, 0]).tolist() == [[0, 0]]
    assert cosine_to(maps, [-6, -8]).tolist() == [[0, -1]]


def test_residual_of_known_channels() -> None:
    maps = np.array([[[1, 2]], [[3, 2]]], np.float16)
    assert scr_residual(maps, np.array([[2, 2]], np.float32)).tolist() == [[1, 0]]


def test_overlap_is_the_share_inside() -> None:
    attention = np.array([[3, 1], [0, 0]], np.float32)
    assert overlap(attention, np.array([[1, 0], [1, 1]], np.float32)) == pytest.approx(0.75)
    assert overlap(attention, np.full((2, 2), 0.5, np.float32)) == pytest.approx(0.5)
    assert overlap(0 * attention, np.ones((2, 2), np.float32)) == 0
