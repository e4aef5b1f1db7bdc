from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.cka import linear_cka
from napari_selfreg.core.errors import BadInputError


def rows(channels: int, seed: int = 0, places: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(2, 1, (channels, places))


@given(st.integers(1, 6), st.floats(0.01, 100), st.floats(-5, 5), st.integers(0, 5))
def test_rotation_scale_and_offset_change_nothing(
    channels: int, scale: float, offset: float, seed: int
) -> None:
    a = rows(channels, seed)
    rotation = np.linalg.qr(rows(channels, seed + 1, channels))[0]
    assert linear_cka(a, scale * rotation @ a + offset) == pytest.approx(1)


def test_a_mixture_that_is_no_rotation_is_less_than_one() -> None:
    a = rows(3)
    assert linear_cka(a, np.diag([1, 10, 0.1]) @ a) < 0.9


def dependence(k: np.ndarray, other: np.ndarray) -> float:
    """Return equation 5 of Song et al. 2012, word for word."""
    n = len(k)
    one = np.ones(n)
    k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
    trace = np.trace(k @ other)
    whole = one @ k @ one * (one @ other @ one) / ((n - 1) * (n - 2))
    return (trace + whole - 2 / (n - 2) * (one @ k @ other @ one)) / (n * (n - 3))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(4, 30), st.integers(0, 9))
def test_it_is_what_the_kernels_of_all_pairs_of_places_give(
    c: int, d: int, places: int, seed: int
) -> None:
    a, b = rows(c, seed, places), rows(d, seed + 10, places)
    b[0] += a[0]
    k, other = a.T @ a, b.T @ b
    wanted = dependence(k, other) / np.sqrt(dependence(k, k) * dependence(other, other))
    assert linear_cka(a, b) == pytest.approx(wanted, abs=1e-6)
    assert linear_cka(b, a) == pytest.approx(wanted, abs=1e-6)
    assert -1 <= linear_cka(a, b) <= 1


@pytest.mark.parametrize(("places", "chance"), [(16, 0.1), (64, 0.03), (256, 0.01)])
def test_unrelated_channels_share_nothing_however_few_the_places(
    places: int, chance: float
) -> None:
    found = [linear_cka(rows(256, seed, places), rows(256, seed + 50, places)) for seed in range(9)]
    assert np.mean(found) == pytest.approx(0, abs=chance)


def test_many_places_give_the_squared_correlation_of_two_single_channels() -> None:
    a, b = rows(1, places=20_000), rows(1, 1, 20_000)
    b += a
    assert linear_cka(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1] ** 2, abs=1e-3)


def test_places_that_are_all_as_far_from_each_other_say_nothing() -> None:
    assert linear_cka(np.eye(6), rows(3, places=6)) == 0


def test_a_constant_side_and_other_places() -> None:
    assert linear_cka(np.full((2, 5), 0.1), rows(2, places=5)) == 0
    with pytest.raises(BadInputError, match="at least 4 places"):
        linear_cka(rows(2, places=3), rows(2, places=3))
    with pytest.raises(BadInputError, match="same places"):
        linear_cka(rows(2, places=5), rows(2, places=6))
