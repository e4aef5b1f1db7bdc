"""Cutting along a line against a plain flood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.edit import split
from napari_selfreg.core.edit.split import cut_pieces
from napari_selfreg.core.errors import BadInputError
from tests.core.edit.brute import BESIDE, LABELS, Labels, edited, parts_of, picture

CORNERS = st.lists(st.tuples(st.integers(-2, 8), st.integers(-2, 8)), min_size=1, max_size=4)


def expected_pieces(
    own: npt.NDArray[np.bool_], line: npt.NDArray[np.bool_], smallest: int
) -> npt.NDArray[np.int32]:
    """Number pieces, then let them grow over the rest of their part step by step."""
    cut = [part for part in parts_of(own & ~line) if len(part) >= smallest]
    cut.sort(key=lambda part: -len(part))
    kept: list[set[tuple[int, int]]] = []
    for whole in parts_of(own):
        kept += [part for part in cut if part <= whole][:1]
    numbers = np.full(own.shape, -1)
    for part in kept:
        for place in part:
            numbers[place] = 0
    for number, part in enumerate((part for part in cut if part not in kept), start=1):
        for place in part:
            numbers[place] = number
    while True:
        fresh = numbers.copy()
        for y, x in np.argwhere(own & (numbers < 0)):
            there = [(y + dy, x + dx) for dy, dx in BESIDE]
            inside = [p for p in there if 0 <= p[0] < own.shape[0] and 0 <= p[1] < own.shape[1]]
            fresh[y, x] = min((numbers[p] for p in inside if numbers[p] >= 0), default=-1)
        if (fresh == numbers).all():
            return np.maximum(numbers, 0).astype(np.int32)
        numbers = fresh


@given(LABELS, st.integers(0, 99), st.integers(1, 4))
def test_pieces_are_those_of_a_flood(labels: Labels, seed: int, smallest: int) -> None:
    own = labels > 0
    line = own & (np.random.default_rng(seed).random(own.shape) < 0.3)
    np.testing.assert_array_equal(
        cut_pieces(own, line, smallest), expected_pieces(own, line, smallest)
    )


@given(LABELS, CORNERS, st.integers(1, 4))
def test_a_split_loses_no_pixel_and_makes_connected_pieces(
    labels: Labels, path: list[tuple[int, int]], smallest: int
) -> None:
    after = edited(labels, lambda: split(labels, path, smallest=smallest))
    np.testing.assert_array_equal(after > 0, labels > 0)
    largest = int(labels.max())
    new = np.unique(after[after > largest])
    assert new.tolist() == list(range(largest + 1, largest + 1 + new.size))
    for number in new:
        assert len(parts_of(after == number)) == 1
        origin = np.unique(labels[after == number])
        assert origin.size == 1
        assert (after == origin[0]).any()
        assert len(parts_of(labels == origin[0])) <= len(parts_of(after == origin[0]))


def test_the_larger_piece_keeps_the_id() -> None:
    labels = picture("2222222 2222222 2222222")
    after = edited(labels, lambda: split(labels, [(-1, 2), (4, 2)]))
    assert after.tolist() == picture("3322222 3322222 3322222").tolist()


def test_every_object_on_the_way_is_cut_or_only_the_chosen() -> None:
    labels = picture("11111.22222 " * 3)
    line = [(1, -1), (1, 12)]
    assert split(labels, line, smallest=1).ids == (1, 2, 3, 4)
    assert split(labels, line, [2], smallest=1).ids == (2, 3)
    assert split(labels, line, [2], new_id=70, smallest=1).ids == (2, 70)
    assert not split(labels, line, [9])


def test_a_line_that_ends_inside_cuts_nothing() -> None:
    labels = np.ones((9, 9), np.int32)
    assert not split(labels, [(-1, 4), (5, 4)])
    assert not split(labels, [(4, 4)])
    assert not split(labels, [(-5, -5), (-5, 20)])


def test_crumbs_stay_with_their_neighbour() -> None:
    labels = np.ones((6, 6), np.int32)
    corner = [(2, -1), (-1, 2)]
    assert not split(labels, corner, smallest=4)
    assert split(labels, corner, smallest=1).ids == (1, 2)


def test_a_diagonal_line_cuts() -> None:
    labels = np.ones((12, 12), np.int32)
    after = edited(labels, lambda: split(labels, [(0, 0), (11, 11)]))
    assert sorted(np.bincount(after.ravel()).tolist())[1:] == [66, 78]


def test_pieces_need_numbers() -> None:
    labels = np.full((6, 6), 255, np.uint8)
    with pytest.raises(BadInputError, match="number"):
        split(labels, [(3, -1), (3, 7)])
    assert not split(labels, [(3, -1), (3, 2)])
