from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.io.project import ObjectState
from napari_selfreg.widgets.correct.keys import KEYS, MOUSE
from napari_selfreg.widgets.correct.object_tools import (
    ALL_ACCEPTED,
    NO_CHANGE,
    NOTHING_CHOSEN,
    TWO_NEEDED,
)
from napari_selfreg.widgets.correct.selection import NAME
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.result_plane import table_of
from tests.widgets.correct.steps import add_result_of_file, click, stroke
from tests.widgets.results_steps import squares
from tests.widgets.waits import LONG


@pytest.fixture
def opened(panel: Any, tmp_path: Path) -> Any:
    """A panel with the squares as a project."""
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path, classes=("spot", "other"), probability=None)
    made.box.start_button.click()
    return made, layer


def press(layer: Any, key: str) -> Any:
    """Press a key as napari does; return what lets it go."""
    from napari.utils.key_bindings import coerce_keybinding

    held = bare(layer).keymap[coerce_keybinding(key)](bare(layer))
    next(held)
    return lambda: next(held, None)


def same(made: Any, layer: Any) -> bool:
    return np.array_equal(made.desk.project.labels("f1"), layer.data)


def test_merging_and_taking_it_back(opened: Any) -> None:
    made, layer = opened
    made.selection.set((2, 1))
    made.objects.merge_button.click()
    assert np.array_equal(layer.data == 2, np.isin(squares(), (1, 2)))
    assert made.selection.ids == (2,)
    assert same(made, layer)
    layer.undo()
    assert np.array_equal(layer.data, squares())
    assert same(made, layer)


def test_deleting_by_button_and_key(opened: Any) -> None:
    made, layer = opened
    click(layer, 8, 10)
    press(layer, "Delete")
    assert not (layer.data == 1).any()
    assert made.selection.ids == ()
    made.selection.set((2, 3))
    made.objects.delete_button.click()
    assert set(np.unique(layer.data)) == {0, 4, 5, 6}
    assert same(made, layer)


def test_holes_and_outlines(opened: Any) -> None:
    made, layer = opened
    stroke(layer, 8, 10, 0)  # a hole
    made.selection.set((1,))
    made.objects.fill_button.click()
    assert np.array_equal(layer.data, squares())
    made.objects.fill_button.click()
    assert made.status.text() == NO_CHANGE
    made.objects.smooth_button.click()
    assert not np.array_equal(layer.data, squares())
    layer.undo()
    layer.undo()
    layer.undo()
    assert np.array_equal(layer.data, squares())
    assert same(made, layer)


def test_accepting_and_walking_through(opened: Any) -> None:
    made, layer = opened
    press(layer, "N")
    assert made.selection.ids == (1,)
    np.testing.assert_allclose(made._viewer.scene.camera.center[-2:], (3.5, 5.25), atol=0.5)
    press(layer, "A")
    assert made.desk.link.objects[1] == ObjectState(accepted=True)
    assert made.status.text() == "1 object is accepted."
    made.objects.next_button.click()
    assert made.selection.ids == (2,)
    press(layer, "Shift-N")
    assert made.selection.ids == (6,)  # the first one is accepted, so the last one comes
    made.selection.set((1,))
    made.objects.accept_button.click()
    assert not made.desk.link.objects[1].accepted
    made.selection.set(range(1, 7))
    made.objects.accept_button.click()
    made.objects.next_button.click()
    assert made.status.text() == ALL_ACCEPTED


def test_a_class_is_kept_and_shown(opened: Any) -> None:
    made, layer = opened
    made.selection.set((3, 4))
    assert not made.objects.classes.isHidden()
    made.objects.classes.setCurrentText("other")
    press(layer, "K")
    assert made.desk.link.objects[3].class_name == "other"
    table = table_of(layer.features)
    assert table["class"].tolist()[2:4] == ["other", "other"]
    assert made.status.text() == "2 objects are now of the class other."


def test_class_and_acceptance_are_undone_like_strokes(opened: Any) -> None:
    made, layer = opened
    link = made.desk.link
    found = table_of(layer.features)["class"].tolist()
    made.selection.set((3,))
    made.objects.classes.setCurrentText("other")
    press(layer, "K")
    press(layer, "A")
    stroke(layer, 40, 60, 3)
    layer.undo()
    assert link.objects[3] == ObjectState(accepted=True, class_name="other")
    layer.undo()
    assert link.objects[3] == ObjectState(class_name="other")
    layer.undo()
    assert link.objects[3] == ObjectState()
    assert table_of(layer.features)["class"].tolist() == found
    layer.redo()
    assert made.desk.project.facts("f1").objects[3].class_name == "other"
    assert table_of(layer.features)["class"].tolist()[2] == "other"
    stroke(layer, 40, 60, 0)  # what was undone cannot be redone after it
    layer.undo()
    assert not link.objects[3].accepted
    assert np.array_equal(layer.data, squares())
    assert same(made, layer)


def test_a_class_needs_no_measurements(opened: Any) -> None:
    made, layer = opened
    layer.features = {}
    made.selection.set((3,))
    made.objects.classes.setCurrentText("other")
    press(layer, "K")
    assert made.desk.link.objects[3].class_name == "other"
    layer.undo()
    assert made.desk.link.objects[3] == ObjectState()


def test_steps_of_another_field_are_left_alone(opened: Any) -> None:
    made, layer = opened
    made.selection.set((1,))
    press(layer, "A")
    made.desk.close()
    layer.undo()  # napari's step is there, and nobody listens any more
    assert np.array_equal(layer.data, squares())


def test_without_a_choice_it_says_what_to_do(opened: Any) -> None:
    made, _ = opened
    before = made.desk.project.sequence
    for action in (made.editor.delete, made.editor.fill, made.editor.smooth, made.editor.accept):
        made.tell("")
        action()
        assert made.status.text() == NOTHING_CHOSEN
    made.editor.merge()
    assert made.status.text() == TWO_NEEDED
    assert not made.objects.delete_button.isEnabled()
    assert made.desk.project.sequence == before


def test_chosen_objects_are_filled_until_they_are_gone(opened: Any, qtbot) -> None:
    made, layer = opened
    made.selection.set((1, 2))
    viewer = made._viewer
    qtbot.waitUntil(lambda: NAME in [each.name for each in viewer.layers], timeout=LONG)
    assert viewer.layers.selection.active == layer
    made.selection.set((1,))
    layer.undo()
    stroke(layer, 8, 10, 0)
    assert made.selection.ids == (1,)
    layer.data[layer.data == 1] = 0
    layer.refresh()
    assert made.selection.ids == ()
    qtbot.waitUntil(lambda: NAME not in [each.name for each in viewer.layers], timeout=LONG)


def test_a_held_key_hides_the_objects(opened: Any, qtbot) -> None:
    made, layer = opened
    made.selection.set((1,))
    qtbot.waitUntil(lambda: made.selection.marks.layer is not None, timeout=LONG)
    let_go = press(layer, "H")
    assert layer.opacity == made.selection.marks.layer.opacity == 0
    let_go()
    assert layer.opacity == 1
    assert made.selection.marks.layer.opacity > 0
    assert made.hand.active == "brush"


def test_tools_and_sizes_by_key(opened: Any) -> None:
    made, layer = opened
    for key, tool in (("W", "wand"), ("C", "cut"), ("S", "brush")):
        press(layer, key)
        assert made.hand.active == tool
    size = made.hand.size
    press(layer, "]")
    assert made.hand.size > size
    layer.mode = "paint"
    size = layer.brush_size
    press(layer, "]")
    assert layer.brush_size == size + 1
    press(layer, "[")
    assert layer.brush_size == size


def test_the_card_lists_every_key(opened: Any) -> None:
    from qtpy.QtWidgets import QLabel

    made, layer = opened
    press(layer, "F1")
    shown = {label.text() for label in made.card.findChildren(QLabel)}
    assert {key.text for key in KEYS if key.key != "Backspace"} <= shown
    assert {text for _, text in MOUSE} <= shown
    made.keys_button.click()
    assert made.card.isVisible()


def test_no_key_is_one_of_naparis_own() -> None:
    from napari.utils.shortcuts import default_shortcuts

    taken = {
        str(key).replace("+", "-")
        for action, keys in default_shortcuts.items()
        for key in keys
        if "label" in action or "layer" in action or "viewer" in action or "brush" in action
    }
    assert taken.intersection(key.key for key in KEYS) == {"[", "]"}
    assert len({key.key for key in KEYS}) == len(KEYS)


def test_keys_let_go_of_a_layer(opened: Any) -> None:
    made, layer = opened
    assert bare(layer).keymap
    made.desk.close()
    assert not bare(layer).keymap
