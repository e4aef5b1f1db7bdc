from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.half import single_pieces, to_single

INFINITY = 0x7C00  # the bits of float16's infinity: all smaller ones are finite


def test_every_finite_half_is_converted_exactly() -> None:
    positive = np.arange(INFINITY, dtype=np.uint16).view(np.float16)
    for values in (positive, -positive):
        np.testing.assert_array_equal(to_single(values), values.astype(np.float32))


def test_infinity_and_nan_stay_what_they_are() -> None:
    values = np.array([1.0, np.inf, -np.inf, np.nan, -65504.0], np.float16)
    np.testing.assert_array_equal(to_single(values), values.astype(np.float32))
    assert to_single(values[:0]).shape == (0,)


def test_other_types_are_converted_too_and_the_source_stays() -> None:
    values = np.array([[1.5, -2.0]])
    single = to_single(values)
    single[:] = 0
    assert single.dtype == np.float32
    assert values.tolist() == [[1.5, -2.0]]


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 64))
def test_pieces_make_up_the_whole(channels: int, pixels: int, size: int) -> None:
    rows = np.arange(channels * pixels, dtype=np.float16).reshape(channels, pixels)
    joined = np.full(rows.shape, np.nan, np.float32)
    with patch("napari_selfreg.core.half._PIECE", size):
        for part, piece in single_pieces(rows):
            joined[:, part] = piece
    np.testing.assert_array_equal(joined, rows.astype(np.float32))
