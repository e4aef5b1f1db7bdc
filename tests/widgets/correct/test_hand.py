"""The mouse on the picture: every tool, what it changes, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct.hand import MODE, NOT_CUT, NOTHING_ALIKE, SIZES
from napari_selfreg.widgets.correct.tool_box import LOOKED_AT, NOT_SELECTED, REGIONS
from tests.widgets.correct.steps import add_result_of_file, click, drag
from tests.widgets.results_steps import squares


@pytest.fixture
def opened(panel: Any, opened: Any) -> Any:
    """The brush is four pixels wide."""
    viewer, (made, layer) = panel[0], opened
    made.hand.resize(round(4 * viewer.scene.camera.zoom * layer.scale[0]))
    return made, layer


def stored(made: Any) -> np.ndarray:
    return made.desk.project.labels("f1")


def test_the_brush_is_in_the_hand_at_once(opened: Any) -> None:
    made, layer = opened
    assert str(layer.mode) == MODE
    assert made.hand.active == "brush"
    assert layer.cursor == "circle"
    assert made.tools.buttons["brush"].isChecked()


def test_a_drag_from_an_object_extends_it(opened: Any) -> None:
    made, layer = opened
    drag(layer, [(8, 10), (20, 10), (22, 10)])
    assert layer.data[20, 10] == 1
    assert layer.selected_label == 1
    assert np.array_equal(stored(made), layer.data)
    layer.undo()
    assert np.array_equal(layer.data, squares())
    assert np.array_equal(stored(made), layer.data)


def test_a_drag_from_the_background_draws_a_new_object(opened: Any) -> None:
    made, layer = opened
    drag(layer, [(50, 70), (55, 70)])
    assert set(np.unique(layer.data)) == {*range(8)}
    assert np.array_equal(stored(made), layer.data)
    layer.undo()
    drag(layer, [(50, 70), (55, 70)])
    assert layer.data.max() == 8  # the id that was taken back is not used again


def test_new_objects_have_the_class_on_show(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path, classes=("spot", "other"), probability=None)
    made.box.start_button.click()
    made.hand.resize(round(4 * viewer.scene.camera.zoom * layer.scale[0]))
    drag(layer, [(50, 70), (55, 70)])
    made.objects.classes.setCurrentText("other")
    drag(layer, [(8, 10), (20, 10)])
    layer.data[squares() == 3] = 0
    layer.refresh()
    made.hand.take("wand")
    made.tools.tolerance.setValue(20)
    row, column = np.argwhere(squares() == 3).mean(axis=0)
    click(layer, row, column)
    said = {number: each.class_name for number, each in made.desk.link.objects.items()}
    assert said.get(7) == "spot"
    assert said.get(1, "") != "other"  # it was there before
    assert said.get(8) == "other"
    for step, known in ((layer.undo, ""), (layer.redo, "other")):
        step()
        assert made.desk.link.objects[8].class_name == known


def test_of_a_single_class_nothing_is_said_of_new_objects(opened: Any) -> None:
    made, layer = opened
    drag(layer, [(50, 70), (55, 70)])
    assert 7 not in made.desk.link.objects


def test_neighbours_are_not_eaten(opened: Any) -> None:
    _, layer = opened
    drag(layer, [(8, 10), (8, 35)])
    assert np.array_equal(layer.data == 2, squares() == 2)


def test_with_alt_it_takes_away(opened: Any) -> None:
    made, layer = opened
    before = np.count_nonzero(layer.data == 1)
    drag(layer, [(8, 10)], "Alt")
    assert 0 < np.count_nonzero(layer.data == 1) < before
    assert np.array_equal(stored(made), layer.data)


def test_clicks_choose(opened: Any) -> None:
    made, layer = opened
    click(layer, 8, 10)
    assert made.selection.ids == (1,)
    assert layer.selected_label == 1
    click(layer, 8, 35, "Shift")
    assert made.selection.ids == (1, 2)
    assert made.objects.title.text() == "2 objects chosen"
    click(layer, 8, 10, "Shift")
    assert made.selection.ids == (2,)
    click(layer, 55, 75, "Shift")
    assert made.selection.ids == (2,)
    click(layer, 55, 75)
    assert made.selection.ids == ()
    assert layer.selected_label == 7  # so that napari's brush begins a new object
    assert np.array_equal(layer.data, squares())


def test_a_click_beside_the_picture_chooses_nothing(opened: Any) -> None:
    made, layer = opened
    click(layer, 8, 10)
    click(layer, -40, 500)
    assert made.selection.ids == ()


def test_a_line_cuts(opened: Any) -> None:
    made, layer = opened
    made.tools.buttons["cut"].click()
    drag(layer, [(0, 11), (8, 11), (20, 11)])
    assert len(np.unique(layer.data[squares() == 1])) == 2
    assert [each.name for each in made._viewer.layers] == ["field 1", "field 1 spots"]
    assert np.array_equal(stored(made), layer.data)
    layer.undo()
    assert np.array_equal(layer.data, squares())
    drag(layer, [(8, 11), (9, 12)])
    assert made.status.text() == NOT_CUT
    click(layer, 8, 10)
    assert made.selection.ids == (1,)


def test_the_line_is_seen_while_it_is_drawn(opened: Any) -> None:
    made, layer = opened
    made.hand.take("cut")
    drag(layer, [(0, 11), (8, 11), (20, 11)], release=False)
    assert "cut" in [each.name for each in made._viewer.layers]
    assert made._viewer.layers.selection.active == layer


def test_the_wand_takes_what_looks_alike(opened: Any) -> None:
    made, layer = opened
    layer.data[squares() == 3] = 0
    layer.refresh()
    made.tools.buttons["wand"].click()
    made.tools.tolerance.setValue(20)
    assert made.hand.wand.tolerance == 0.2
    row, column = np.argwhere(squares() == 3).mean(axis=0)
    click(layer, row, column)
    grown = layer.data == 7
    wanted = squares() == 3
    # Its edge is another colour after the smoothing of a picture this small.
    assert np.count_nonzero(grown) > 0.5 * np.count_nonzero(wanted)
    assert not (grown & ~wanted).any()
    assert np.array_equal(stored(made), layer.data)
    before = layer.data.copy()
    click(layer, row, column, "Shift")
    assert made.selection.ids == (7,)
    drag(layer, [(40, 40), (50, 50)])
    assert np.array_equal(layer.data, before)


def test_the_wand_can_follow_the_model(opened: Any) -> None:
    made, layer = opened
    layer.data[squares() == 3] = 0
    layer.refresh()
    made.hand.take("wand")
    made.tools.by_model.setChecked(True)
    click(layer, *np.argwhere(squares() == 3).mean(axis=0))
    assert np.array_equal(layer.data > 0, squares() > 0)


def test_the_wand_says_what_it_lacks(opened: Any) -> None:
    made, layer = opened
    made.hand.take("wand")
    made.tools.tolerance.setValue(2)
    click(layer, 8, 10)
    assert made.status.text() == NOTHING_ALIKE
    made._viewer.layers.remove("field 1")
    click(layer, 8, 10)
    assert "Open the image" in made.status.text()


def test_napari_keeps_its_own_tools(opened: Any) -> None:
    made, layer = opened
    layer.mode = "paint"
    assert made.hand.active is None
    assert not any(each.isChecked() for each in made.tools.buttons.values())
    assert "napari" in made.tools.hint.text()
    drag(layer, [(55, 70), (55, 71)])
    assert made.selection.ids == ()
    layer.mode = "pan_zoom"
    drag(layer, [(8, 10), (20, 10)])
    layer.mode = MODE  # as when Space is let go
    assert made.hand.active == "brush"
    assert layer.cursor == "circle"


def test_another_layer_takes_the_tool_until_a_button_is_pressed(opened: Any) -> None:
    made, layer = opened
    viewer = made._viewer
    viewer.layers.selection.active = viewer.layers["field 1"]
    assert made.hand.active is None
    assert not any(each.isChecked() for each in made.tools.buttons.values())
    assert made.tools.hint.text() == NOT_SELECTED
    made.tools.buttons["wand"].click()
    assert viewer.layers.selection.active == layer
    assert made.hand.active == "wand"
    assert made.tools.hint.text() != NOT_SELECTED


def test_selecting_the_corrections_again_brings_the_tool_back(opened: Any) -> None:
    made, layer = opened
    selection = made._viewer.layers.selection
    selection.active = made._viewer.layers["field 1"]
    made._viewer.scene.camera.zoom *= 2
    selection.active = layer
    assert made.tools.buttons["brush"].isChecked()
    assert layer.cursor_size == pytest.approx(made.hand.size / made._viewer.scene.camera.zoom)
    made.desk.close()
    selection.active = made._viewer.layers["field 1"]
    assert made.tools.hint.text() != NOT_SELECTED


def test_who_draws_a_region_is_told_how_to_go_on_correcting(opened: Any) -> None:
    made, _ = opened
    made.regions.draw("rectangle")
    assert made.tools.hint.text() == REGIONS
    made.tools.buttons["brush"].click()
    assert made.tools.hint.text() not in (REGIONS, NOT_SELECTED)


def test_other_buttons_and_three_dimensions_are_left_alone(opened: Any) -> None:
    _, layer = opened
    before = layer.data.copy()
    drag(layer, [(8, 10), (20, 10)], button=2)
    assert np.array_equal(layer.data, before)


def test_the_size_follows_the_zoom(opened: Any) -> None:
    made, _ = opened
    camera = made._viewer.scene.camera
    radius = made.hand.radius
    assert radius == pytest.approx(2, rel=0.2)
    camera.zoom *= 2
    assert made.hand.radius == pytest.approx(radius / 2)
    made.hand.resize(10_000)
    assert made.tools.size_slider.value() == SIZES[1]
    made.tools.size_slider.setValue(30)
    assert made.hand.size == 30


def test_a_project_that_is_only_looked_at_is_not_changed(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    made.desk.close()
    with Project.open(folder):
        made.open_project(folder)
        layer = made.desk.link.layer
        before = layer.data.copy()
        assert not made.tools.isEnabled()
        viewer.layers.selection.active = made.desk.image
        assert made.tools.hint.text() == LOOKED_AT  # no tool can be pressed
        viewer.layers.selection.active = layer
        layer.mode = MODE
        drag(layer, [(8, 10), (20, 10)])
        made.selection.set((1,))
        made.editor.delete()
        assert np.array_equal(layer.data, before)
        assert "another window" in made.status.text()
