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


def test_orthogonal_channels_share_nothing() -> None:
    basis = np.linalg.qr(np.c_[np.ones(8), rows(4, places=8).T])[0].T[1:]
    assert linear_cka(basis[:2], basis[2:]) == pytest.approx(0, abs=1e-12)


def test_known_value_of_two_single_channels_is_the_squared_correlation() -> None:
    a, b = rows(1), rows(1, 1)
    wanted = np.corrcoef(a, b)[0, 1] ** 2
    assert linear_cka(a, b) == pytest.approx(wanted)
    assert linear_cka(b, a) == pytest.approx(wanted)


def test_a_constant_side_and_other_places() -> None:
    assert linear_cka(np.full((2, 5), 0.1), rows(2, places=5)) == 0
    with pytest.raises(BadInputError, match="same places"):
        linear_cka(rows(2, places=5), rows(2, places=6))
