"""Maps of which the last rows are kept."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.types import Box
from napari_selfreg.engine.rolling import RollingMaps
from napari_selfreg.engine.workspace import Workspace


def maps():
    return RollingMaps(Workspace(torch.float32))


def numbered(box):
    """Return (1, 1, y, x) whose values are the rows of the map."""
    rows = torch.arange(box.y0, box.y1, dtype=torch.float32)
    return rows[:, None].expand(*box.shape)[None, None]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_a_frame_keeps_what_the_last_one_of_its_name_held(first, step, second):
    rolling = maps()
    before = Box(0, 0, first, 3)
    rolling.frame("a", 1, before, 0).put(numbered(before), before)
    after = Box(step, 0, step + second, 3)
    frame = rolling.frame("a", 1, after, 0)
    kept = before.intersect(after)
    if not kept.empty:
        torch.testing.assert_close(frame.part(kept), numbered(kept))


def test_the_ring_outside_is_zero_and_other_names_are_others():
    rolling = maps()
    box = Box(-1, -1, 5, 4)
    rolling.frame("a", 1, box, 1).values.fill_(9)
    assert rolling.frame("b", 1, box, 1).values[0, 0, 0].sum() == 0
    lower = rolling.frame("a", 1, Box(4, -1, 9, 4), 1)
    assert lower.values[0, 0, 0].tolist() == [9] * 5
    assert lower.values[0, 0, -1].sum() == 0


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_every_row_is_computed_once(heights):
    rolling, stop, seen = maps(), 0, []
    for height in heights:
        start, stop = max(0, stop - 4), stop + height  # bands see some rows of the last one
        rest = rolling.rest("a", Box(start, 2, stop, 5))
        assert (rest.x0, rest.x1) == (2, 5)
        seen += range(rest.y0, rest.y1)
    assert seen == list(range(stop))


def test_a_part_that_is_all_there_is_empty():
    rolling = maps()
    rolling.rest("a", Box(0, 0, 8, 8))
    assert rolling.rest("a", Box(4, 0, 8, 8)).empty
    assert rolling.rest("b", Box(4, 0, 8, 8)) == Box(4, 0, 8, 8)
