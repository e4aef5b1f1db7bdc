from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_selfreg.core.resegment import resegment_around

SHAPE = (8, 9)
labels = arrays(np.int32, SHAPE, elements=st.integers(0, 4))
masks = arrays(np.bool_, SHAPE)


def canvas(**boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """Labels 20 × 20 with rectangles (y0, x0, y1, x1, id)."""
    made = np.zeros((20, 20), np.int32)
    for y0, x0, y1, x1, label in boxes.values():
        made[y0:y1, x0:x1] = label
    return made


@given(labels, labels, masks, st.sets(st.integers(1, 4), max_size=2))
def test_what_is_reviewed_or_accepted_stays_bit_for_bit(old, new, reviewed, accepted) -> None:
    before = old.copy(), new.copy()
    merged = resegment_around(old, new, reviewed, accepted)
    kept = reviewed | np.isin(old, list(accepted))
    np.testing.assert_array_equal(merged.labels[kept], old[kept])
    for label in accepted:
        np.testing.assert_array_equal(merged.labels == label, old == label)
    np.testing.assert_array_equal(old, before[0])
    np.testing.assert_array_equal(new, before[1])


@given(labels, labels, masks)
def test_outside_there_is_nothing_but_new_objects(old, new, reviewed) -> None:
    merged = resegment_around(old, new, reviewed)
    outside = ~reviewed
    assert not merged.labels[outside & (new == 0)].any()
    fresh = set(merged.new_ids.values())
    assert len(fresh) == len(merged.new_ids)
    assert not fresh & set(np.unique(old).tolist())
    for one, identity in merged.new_ids.items():
        np.testing.assert_array_equal(merged.labels == identity, outside & (new == one))


@given(labels, labels)
def test_nothing_reviewed_is_all_new_and_all_reviewed_is_all_old(old, new) -> None:
    everywhere = np.ones(SHAPE, bool)
    np.testing.assert_array_equal(resegment_around(old, new, everywhere).labels, old)
    merged = resegment_around(old, new, ~everywhere)
    np.testing.assert_array_equal(merged.labels > 0, new > 0)
    assert len(merged.new_ids) == len(set(np.unique(new).tolist()) - {0})


def test_an_object_across_the_border_goes_on_under_its_id() -> None:
    old, new = canvas(a=(4, 4, 10, 14, 7)), canvas(a=(4, 5, 11, 16, 1))
    reviewed = np.zeros((20, 20), bool)
    reviewed[:, :10] = True
    merged = resegment_around(old, new, reviewed)
    assert merged.new_ids == {}
    assert (merged.labels[4:11, 10:16] == 7).all()


def test_an_accepted_object_does_not_grow() -> None:
    old, new = canvas(a=(4, 4, 10, 10, 7)), canvas(a=(3, 3, 11, 11, 1))
    merged = resegment_around(old, new, np.zeros((20, 20), bool), [7])
    np.testing.assert_array_equal(merged.labels, old)


def test_a_neighbour_that_only_touches_is_an_object_of_its_own() -> None:
    old, new = canvas(a=(4, 4, 10, 10, 7)), canvas(a=(4, 10, 10, 16, 3))
    reviewed = np.zeros((20, 20), bool)
    reviewed[:, :10] = True
    merged = resegment_around(old, new, reviewed)
    assert merged.new_ids == {3: 8}
    assert (merged.labels[4:10, 10:16] == 8).all()


def test_the_rest_of_what_was_removed_inside_is_no_object() -> None:
    new = canvas(a=(4, 4, 10, 12, 1))
    reviewed = np.zeros((20, 20), bool)
    reviewed[:, :10] = True
    merged = resegment_around(np.zeros_like(new), new, reviewed)
    assert not merged.labels.any()
