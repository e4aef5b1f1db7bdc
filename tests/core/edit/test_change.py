"""Edits say exactly what changes, and can be turned round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.edit import NOTHING, apply, next_id
from napari_selfreg.core.edit.change import (
    bounds,
    difference,
    free_id,
    id_at,
    padded,
    union,
    whole,
)
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from tests.core.edit.brute import LABELS, Labels, edited, picture


@given(LABELS, st.integers(0, 99))
def test_the_difference_of_two_states_leads_from_one_to_the_other(
    labels: Labels, seed: int
) -> None:
    new = np.where(np.random.default_rng(seed).random(labels.shape) < 0.2, 7, labels)
    np.testing.assert_array_equal(
        edited(labels, lambda: difference(whole(labels), labels, new)), new
    )


def test_a_difference_knows_where_its_block_lies() -> None:
    edit = difference(Box(10, 20, 12, 23), picture("12. ..3"), picture("12. 4.3"))
    assert edit.box == Box(11, 20, 12, 21)
    assert edit.ids == (4,)
    assert edit.pixels()[0].tolist() == [11]


def test_arrays_of_an_edit_are_copies_that_nobody_can_write() -> None:
    labels = picture("11 22")
    edit = difference(whole(labels), labels, np.zeros_like(labels))
    with pytest.raises(ValueError, match="read-only"):
        edit.after[0, 0] = 5
    labels[:] = 9
    assert edit.before.tolist() == [[1, 1], [2, 2]]


def test_nothing_changes_nothing() -> None:
    labels = picture("12")
    apply(labels, NOTHING)
    assert labels.tolist() == [[1, 2]]
    assert not NOTHING
    assert not NOTHING.reversed()
    assert NOTHING.pixels()[0].size == 0


def test_next_id_is_behind_the_largest() -> None:
    assert next_id(picture("1.5")) == 6
    assert next_id(np.zeros((0, 4), np.int32)) == 1
    assert free_id(picture("1.5"), None) == 6
    assert free_id(picture("1.5"), 40) == 40


@pytest.mark.parametrize(("largest", "more"), [(255, 1), (250, 6)])
def test_full_labels_are_announced(largest: int, more: int) -> None:
    labels = np.array([[largest]], np.uint8)
    with pytest.raises(BadInputError, match="32-bit"):
        next_id(labels, more)
    with pytest.raises(BadInputError, match="32-bit"):
        free_id(labels, largest + 1, more)
    assert next_id(labels - 1, more) == largest


@given(LABELS)
def test_bounds_hold_every_pixel_and_no_row_more(labels: Labels) -> None:
    box = bounds(labels > 0)
    places = np.argwhere(labels > 0)
    if not len(places):
        assert box.empty
        return
    assert (box.y0, box.x0) == tuple(places.min(axis=0))
    assert (box.y1, box.x1) == tuple(places.max(axis=0) + 1)


def test_boxes_grow_as_far_as_the_image() -> None:
    labels = np.zeros((5, 6), np.int32)
    assert padded(Box(1, 1, 2, 2), 2, labels) == Box(0, 0, 4, 4)
    assert padded(Box(3, 5, 5, 6), 1, labels) == Box(2, 4, 5, 6)
    assert union([Box(3, 1, 4, 2), Box(0, 5, 1, 6)]) == Box(0, 1, 4, 6)


@pytest.mark.parametrize(
    ("point", "found"),
    [
        ((0.0, 0.0), 1),
        ((-0.5, 0.49), 1),
        ((0.0, 0.5), 2),
        ((0.6, 0.0), 0),
        ((-0.6, 0.0), 0),
        ((0.0, 1.5), 0),
    ],
)
def test_the_pixel_under_a_point_is_the_nearest(point: tuple[float, float], found: int) -> None:
    assert id_at(picture("12"), point) == found
