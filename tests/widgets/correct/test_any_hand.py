"""Whatever a person does with mouse and tools: what must hold after every single thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_selfreg.io.project import ObjectState, Project
from napari_selfreg.widgets.correct.hand import Hand
from napari_selfreg.widgets.correct.object_tools import ObjectTools
from napari_selfreg.widgets.correct.selection import Selection
from tests.widgets.correct.steps import drag

ANY = settings(max_examples=15, suppress_health_check=list(HealthCheck))
PLACE = st.tuples(st.integers(-2, 61), st.integers(-2, 81))
PATH = st.lists(PLACE, min_size=2, max_size=4, unique=True)


@pytest.fixture
def hand(light: Any) -> Any:
    light.viewer.scene.camera.zoom = 12.0
    light.selection = Selection(light.viewer, light.desk, light.owner)
    light.hand = Hand(light.viewer, light.desk, light.selection, light.owner)
    light.editor = ObjectTools(light.viewer, light.desk, light.selection, light.owner)
    light.hand._on_link()
    return light


def step(hand: Any, act: Callable[[], Any]) -> tuple[np.ndarray, np.ndarray]:
    """Do one thing; return labels before and after. One undo takes it back, one redo repeats it."""
    layer, link = hand.layer, hand.desk.link
    before = np.array(layer.data)
    act()
    after = np.array(layer.data)
    if not np.array_equal(before, after):
        layer.undo()
        assert np.array_equal(layer.data, before)
        assert np.array_equal(link.project.labels("f1"), before)
        layer.redo()
    assert np.array_equal(layer.data, after)
    assert np.array_equal(link.project.labels("f1"), after)
    return before, after


@ANY
@given(path=PATH, size=st.integers(4, 120))
def test_the_brush_paints_background_only(hand: Any, path: Any, size: int) -> None:
    hand.hand.take("brush")
    hand.hand.resize(size)
    new = hand.desk.link.next_id
    before, after = step(hand, lambda: drag(hand.layer, path))
    changed = before != after
    row, column = path[0]
    inside = 0 <= row < 60 and 0 <= column < 80
    begun_in = int(before[row, column]) if inside else 0
    assert not before[changed].any()
    assert set(np.unique(after[changed])) <= {begun_in or new}


@ANY
@given(path=PATH, size=st.integers(4, 120))
def test_alt_takes_from_one_object_only(hand: Any, path: Any, size: int) -> None:
    hand.hand.take("brush")
    hand.hand.resize(size)
    before, after = step(hand, lambda: drag(hand.layer, path, "Alt"))
    changed = before != after
    assert not after[changed].any()
    assert len(np.unique(before[changed])) <= 1


@ANY
@given(path=PATH)
def test_cutting_takes_no_pixel_away(hand: Any, path: Any) -> None:
    hand.hand.take("cut")
    known = set(np.unique(hand.layer.data).tolist())
    before, after = step(hand, lambda: drag(hand.layer, path))
    assert np.array_equal(before > 0, after > 0)
    assert known <= set(np.unique(after).tolist())
    for number in np.unique(after[after != before]).tolist():
        assert number not in known
        assert len(np.unique(before[after == number])) == 1  # a part of one object
    assert [each.name for each in hand.viewer.layers if each.name == "cut"] == []


IDS = st.lists(st.integers(1, 6), max_size=3, unique=True)
TOOLS = st.lists(
    st.tuples(st.sampled_from(["merge", "delete", "fill", "smooth", "accept", "next"]), IDS),
    max_size=5,
)


@ANY
@given(TOOLS)
def test_tools_leave_all_other_objects_alone(hand: Any, tools: list[tuple[str, list[int]]]) -> None:
    for tool, wanted in tools:
        here = set(np.unique(hand.layer.data).tolist())
        ids = [number for number in wanted if number in here]
        hand.selection.set(ids)
        before, after = step(hand, getattr(hand.editor, tool))
        for number in here - set(ids) - {0}:
            assert np.array_equal(before == number, after == number)
        assert set(np.unique(after).tolist()) <= here
        if tool == "delete":
            assert not np.isin(after, ids).any() or not ids
        if tool in ("accept", "next"):
            assert np.array_equal(before, after)


@settings(ANY, max_examples=10)
@given(TOOLS)
def test_what_was_said_of_objects_comes_back_with_the_project(hand: Any, tools: Any) -> None:
    for tool, wanted in tools:
        hand.selection.set(set(wanted).intersection(np.unique(hand.layer.data).tolist()))
        getattr(hand.editor, tool)()
    project = hand.desk.project
    labels, said = np.array(hand.layer.data), spoken(project)
    with Project.open(project.folder) as again:  # as a second window does
        assert again.read_only
        assert np.array_equal(again.labels("f1"), labels)
        assert spoken(again) == said
    assert set(said) <= set(np.unique(labels).tolist())


def spoken(project: Project) -> dict[int, ObjectState]:
    objects = project.facts("f1").objects
    return {number: each for number, each in objects.items() if each != ObjectState()}
