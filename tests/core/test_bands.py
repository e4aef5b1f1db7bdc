"""Bands hold every object whole and once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_selfreg.core.bands import object_bands
from tests.memory import little_memory


@given(
    arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 4)),
    st.integers(1, 40),
)
def test_every_object_is_in_exactly_one_piece(labels: npt.NDArray[np.int32], pixels: int) -> None:
    painted = np.zeros_like(labels)
    tops = []
    for rows, piece in object_bands(labels, pixels):
        assert piece.shape == labels[rows].shape
        assert piece[0].any()
        assert piece[-1].any()
        assert not (painted[rows][piece > 0]).any()
        painted[rows] += piece
        tops.append(rows.start)
        for label in np.unique(piece[piece > 0]):
            assert (piece == label).sum() == (labels == label).sum()
    np.testing.assert_array_equal(painted, labels)
    assert tops == sorted(tops)


def test_pieces_are_as_small_as_asked() -> None:
    labels = np.kron(np.eye(8, dtype=np.int32) * np.arange(1, 9), np.ones((4, 4), int))
    rows = [piece[0] for piece in object_bands(labels, labels.shape[1] * 8)]
    assert rows == [slice(start, start + 8) for start in (0, 8, 16, 24)]
    assert len(list(object_bands(labels))) == 1


def test_nothing_has_no_pieces() -> None:
    assert list(object_bands(np.zeros((3, 3), np.int32))) == []
    assert list(object_bands(np.zeros((0, 3), np.int32))) == []


def test_a_high_number_takes_no_more_memory_than_a_low_one() -> None:
    labels = np.zeros((8, 8), np.int32)
    labels[1:3, 1:3], labels[2:7, 5] = 99_999_998, 3
    with little_memory():
        pieces = list(object_bands(labels, 8))
    assert [rows for rows, _ in pieces] == [slice(1, 3), slice(2, 7)]
    assert [np.unique(piece).tolist() for _, piece in pieces] == [[0, 99_999_998], [0, 3]]
