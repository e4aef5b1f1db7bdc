"""The tracker sees every change once, against a copy of the labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.edit import ChunkTracker, apply
from napari_selfreg.core.types import Box
from tests.core.edit.brute import LABELS, Labels


@given(LABELS, st.integers(1, 9), st.lists(st.integers(0, 999), max_size=4))
def test_changes_lead_from_state_to_state(labels: Labels, chunk: int, seeds: list[int]) -> None:
    tracker, copy, now = ChunkTracker(labels, chunk), labels.copy(), labels.copy()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        now[rng.random(now.shape) < rng.choice([0.0, 0.05, 1.0])] = rng.integers(0, 5)
        edits = tracker.update(now)
        for edit in edits:
            np.testing.assert_array_equal(edit.before, copy[edit.box.slices])
            assert edit.box.y0 // chunk == (edit.box.y1 - 1) // chunk
            assert edit.box.x0 // chunk == (edit.box.x1 - 1) // chunk
            assert (edit.before != edit.after).any()
        for edit in edits:
            apply(copy, edit)
        np.testing.assert_array_equal(copy, now)
        assert tracker.update(now) == ()


def test_only_the_named_place_is_looked_at() -> None:
    labels = np.zeros((8, 8), np.int32)
    tracker = ChunkTracker(labels, 4)
    labels[1, 1] = labels[6, 6] = 5
    assert [edit.box for edit in tracker.update(labels, Box(5, 5, 6, 6))] == [Box(6, 6, 7, 7)]
    assert tracker.update(labels, Box(20, 20, 30, 30)) == ()
    rest = tracker.update(labels, Box(-9, -9, 99, 99))
    assert [(edit.box, edit.ids) for edit in rest] == [(Box(1, 1, 2, 2), (5,))]


def test_the_first_state_is_copied() -> None:
    labels = np.zeros((3, 3), np.int32)
    tracker = ChunkTracker(labels)
    labels[2, 2] = 1
    assert tracker.update(labels)[0].ids == (1,)
    labels[2, 2] = 0
    assert tracker.update(labels)[0].before.tolist() == [[1]]


def test_other_shapes_and_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ChunkTracker(np.zeros((3, 3), np.int32), 0)
    with pytest.raises(ValueError, match="instead of"):
        ChunkTracker(np.zeros((3, 3), np.int32)).update(np.zeros((3, 4), np.int32))
