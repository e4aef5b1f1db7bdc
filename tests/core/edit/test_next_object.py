"""Every object that is not accepted is met once, line by line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.edit import Place, next_object
from tests.core.edit.brute import LABELS, Labels, picture

ACCEPTED = st.sets(st.integers(0, 4))


def in_reading_order(labels: Labels) -> list[Place]:
    """Return all objects sorted by line, then column."""
    ids = [int(number) for number in np.unique(labels) if number]
    centres = {number: np.argwhere(labels == number).mean(axis=0) for number in ids}
    height = np.median([np.sqrt((labels == number).sum()) for number in ids]) if ids else 1
    ids.sort(key=lambda number: (centres[number][0] // height, centres[number][1], number))
    return [Place(number, *centres[number].tolist()) for number in ids]


@given(LABELS, ACCEPTED, st.booleans())
def test_going_on_meets_every_open_object_once_and_begins_again(
    labels: Labels, accepted: set[int], backwards: bool
) -> None:
    expected = [place.id for place in in_reading_order(labels) if place.id not in accepted]
    if backwards:
        expected.reverse()
    here, met = None, []
    for _ in range(2 * len(expected)):
        here = next_object(labels, accepted, here, backwards=backwards)
        assert here is not None
        met.append(here.id)
    assert met == 2 * expected
    if not expected:
        assert next_object(labels, accepted, backwards=backwards) is None


@given(LABELS, st.integers(1, 3), ACCEPTED)
def test_an_accepted_object_is_a_place_to_go_on_from(
    labels: Labels, start: int, accepted: set[int]
) -> None:
    order = [place.id for place in in_reading_order(labels)]
    found = next_object(labels, accepted, Place(start, 0, 0))
    if start not in order:
        return
    at = order.index(start)
    turn = [number for number in order[at + 1 :] + order[: at + 1] if number not in accepted]
    assert (found.id if found else None) == (turn[0] if turn else None)


def test_a_place_is_a_centre() -> None:
    found = next_object(picture("..... .333. .333."), [])
    assert found == Place(3, pytest.approx(1.5), pytest.approx(2.0))


def test_lines_are_as_high_as_objects() -> None:
    labels = np.zeros((30, 60), np.int32)
    labels[4:14, 2:12] = 3
    labels[2:12, 20:30] = 1  # a little higher, still in the first line
    labels[16:26, 5:15] = 2
    met, here = [], None
    for _ in range(3):
        here = next_object(labels, [], here)
        met.append(here.id if here else 0)
    assert met == [3, 1, 2]


def test_the_object_one_was_at_may_be_gone() -> None:
    labels = picture("1..2..3")
    gone = Place(9, 0.0, 4.0)
    ahead, back = next_object(labels, [], gone), next_object(labels, [], gone, backwards=True)
    assert ahead is not None
    assert back is not None
    assert (ahead.id, back.id) == (3, 2)


def test_one_that_is_left_is_found_from_itself() -> None:
    labels = picture("1..2..3")
    found = next_object(labels, [1, 3], Place(2, 0.0, 3.0))
    assert found is not None
    assert found.id == 2
