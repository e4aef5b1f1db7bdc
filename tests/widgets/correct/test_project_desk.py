from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import Project, is_project
from napari_selfreg.widgets.correct.layer_fields import NO_FILE, NO_PICTURE, field_of
from napari_selfreg.widgets.correct.project_desk import APART, STILL_THERE, ProjectDesk
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.pixel_size_change import change_pixel_size
from napari_selfreg.widgets.result_info import result_info
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.results_steps import UM, add_objects, squares
from tests.widgets.waits import LONG


@pytest.fixture
def empty(make_napari_viewer_proxy) -> Any:
    viewer = make_napari_viewer_proxy()
    owner = QWidget()
    viewer.window.add_dock_widget(owner, name="owner")
    desk = ProjectDesk(viewer, owner)
    yield viewer, desk
    desk.close()


def corrected(layer: Any) -> np.ndarray:
    stroke(layer)
    return np.array(layer.data)


def test_starting_makes_a_project_beside_the_image(desk: Any, tmp_path: Path) -> None:
    _, made, layer = desk
    assert is_project(made.project.folder)
    assert made.project.folder.parent == tmp_path
    (record,) = made.project.fields
    assert (record.stem, record.pixel_size, record.classes) == ("field 1", UM, ("spot",))
    assert field_of(layer) == (str(made.project.folder), record.id)
    facts = made.project.facts(record.id)
    assert (facts.model, facts.version, facts.state) == ("spots", "abc", "segmented")
    assert {said.class_name for said in facts.objects.values()} == {"spot"}


def without_corrections(desk: Any, qtbot: Any) -> tuple[Any, list[str]]:
    """Remove the layer of the corrections; return the desk and what it tells."""
    viewer, made, layer = desk
    told: list[str] = []
    made.told.connect(told.append)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: told == [STILL_THERE], timeout=LONG)
    return made, told


def test_corrections_that_are_back_are_not_gone_any_more(desk: Any, qtbot) -> None:
    made, told = without_corrections(desk, qtbot)
    made.show("f1")
    assert made.link is not None
    assert told == [STILL_THERE, ""]


def test_what_was_told_since_stays_when_they_are_back(desk: Any, qtbot) -> None:
    made, told = without_corrections(desk, qtbot)
    made.told.emit("The disk is full.")
    made.show("f1")
    assert made.link is not None
    assert told[-1] == "The disk is full."


def test_a_stroke_is_there_after_reopening(desk: Any, qtbot) -> None:
    viewer, made, layer = desk
    folder = made.project.folder
    expected = corrected(layer)
    made.close()
    assert made.link is None
    viewer.layers.clear()
    made.open(folder)
    qtbot.waitUntil(lambda: made.link is not None, timeout=LONG)
    again = made.link.layer
    assert np.array_equal(again.data, expected)
    np.testing.assert_allclose(again.scale, (UM.y, UM.x))
    info = result_info(again)
    assert (info.model_name, info.classes, info.stem) == ("spots", ("spot",), "field 1")
    stroke(again, 3, 3, 21)
    assert (made.project.labels(made.link.field) == 21).any()


def test_closing_gives_the_project_back_and_the_layer_stays(desk: Any) -> None:
    viewer, made, layer = desk
    folder = made.project.folder
    expected = corrected(layer)
    made.close()
    with Project.open(folder) as other:
        assert not other.read_only
        assert np.array_equal(other.labels("f1"), expected)
    assert layer in viewer.layers


def test_opening_again_takes_the_layer_that_is_there(desk: Any) -> None:
    viewer, made, layer = desk
    folder = made.project.folder
    corrected(layer)
    made.close()
    made.open(folder)
    assert len(viewer.layers) == 2
    assert made.link is not None


def test_a_layer_that_comes_back_is_written_again(desk: Any) -> None:
    viewer, made, layer = desk
    viewer.layers.remove(layer)
    assert made.link is None
    stroke(layer)
    viewer.add_layer(layer)
    assert np.array_equal(made.project.labels("f1"), layer.data)


def rectangle(value: int) -> Any:
    return SimpleNamespace(box=Box(0, 0, 2, 3), after=np.full((2, 3), value, np.int32))


def test_a_field_that_was_changed_while_another_was_on_show_keeps_the_change(light: Any) -> None:
    """Re-segmenting all fields must not be undone by the layers that other fields had before."""
    light.viewer.layers.remove(light.layer)
    light.desk.project.apply("f1", [rectangle(9)])
    light.viewer.add_layer(light.layer)
    assert (light.desk.project.labels("f1")[:2, :3] == 9).all()
    assert (light.layer.data[:2, :3] == 9).all()


def test_so_does_one_that_was_never_on_show(light: Any, tmp_path: Path) -> None:
    folder = light.desk.project.folder
    light.desk.close()
    light.viewer.layers.clear()
    _, waiting = add_result_of_file(light.viewer, tmp_path, "field 2")
    light.viewer.layers.clear()
    light.desk.shared.fields = fields = FieldList()
    one, two = fields.add([tmp_path / "field 1.png", tmp_path / "field 2.png"])
    two.layers = [waiting]
    fields.set_current(one)
    add_result_of_file(light.viewer, tmp_path)
    project = light.desk.start(folder.with_name("new.selfreg"))
    project.apply("f2", [rectangle(9)])
    light.viewer.layers.clear()
    light.viewer.add_layer(waiting)
    assert light.desk.link.field == "f2"
    assert (project.labels("f2")[:2, :3] == 9).all()


def test_what_another_window_has_written_is_not_painted_over(light: Any) -> None:
    """Both went on after closing: the project counts, and the strokes stay in their own layer."""
    folder = light.desk.project.folder
    light.desk.close()
    stroke(light.layer)
    with Project.open(folder) as other:
        other.apply("f1", [rectangle(7)])
        stored = np.array(other.labels("f1"))
    light.desk.open(folder)
    assert light.desk.link.layer is not light.layer
    assert np.array_equal(light.desk.link.labels, stored)
    assert np.array_equal(light.desk.project.labels("f1"), stored)
    assert (light.layer.data == 9).any()


def test_an_older_state_on_disk_is_not_painted_over_the_window(light: Any, full_disk: Any) -> None:
    """The disk was full when the project was closed: what the person sees is all there is."""
    folder = light.desk.project.folder
    stroke(light.layer)
    with full_disk():
        stroke(light.layer, 30, 30, 11)
        shown = np.array(light.layer.data)
        light.desk.close()
    light.desk.open(folder)
    assert light.desk.link.layer is light.layer
    assert np.array_equal(light.layer.data, shown)
    assert np.array_equal(light.desk.project.labels("f1"), shown)


def test_a_full_disk_makes_no_field_that_comes_back_a_layer_of_its_own(
    light: Any, full_disk: Any
) -> None:
    stroke(light.layer)
    with full_disk():
        stroke(light.layer, 30, 30, 11)
        light.viewer.layers.remove(light.layer)
        light.viewer.add_layer(light.layer)
        assert light.desk.link.layer is light.layer


def test_a_copy_of_the_layer_leaves_the_corrections_to_it(light: Any) -> None:
    light.viewer.layers.selection.active = light.layer
    _duplicate_layer(light.viewer.layers)
    copy = next(layer for layer in light.viewer.layers if layer.name.endswith("copy"))
    assert light.desk.link.layer is light.layer
    assert field_of(copy) is None
    assert field_of(light.layer) == (str(light.desk.project.folder), "f1")
    stroke(copy, 30, 30, 11)
    stroke(light.layer)
    stored = light.desk.project.labels("f1")
    assert np.array_equal(stored, light.layer.data)
    assert not (stored == 11).any()


def test_the_results_of_all_fields_come_along(empty: Any, tmp_path: Path) -> None:
    viewer, desk = empty
    _, waiting = add_result_of_file(viewer, tmp_path, "field 2")
    viewer.layers.clear()
    desk.shared.fields = fields = FieldList()
    one, two, _ = fields.add(
        [tmp_path / "field 1.png", tmp_path / "field 2.png", tmp_path / "field 3.png"]
    )
    two.layers = [waiting]
    fields.set_current(one)
    add_result_of_file(viewer, tmp_path)
    project = desk.start()
    assert [record.stem for record in project.fields] == ["field 1", "field 2"]
    assert field_of(waiting) == (str(project.folder), "f2")
    viewer.add_layer(waiting)
    assert desk.link.field == "f2"


def test_another_result_can_be_added(desk: Any, tmp_path: Path) -> None:
    viewer, made, _ = desk
    viewer.layers.clear()
    add_result_of_file(viewer, tmp_path, "field 2")
    assert made.add() == "f2"
    assert made.link.field == "f2"
    assert [record.stem for record in made.project.fields] == ["field 1", "field 2"]


def test_a_mask_from_elsewhere_becomes_a_field(empty: Any, tmp_path: Path) -> None:
    viewer, desk = empty
    _, result = add_result_of_file(viewer, tmp_path)
    viewer.layers.remove(result)
    mask = viewer.add_labels(squares().astype(np.uint8))
    desk.start()
    assert desk.project.facts("f1").model == ""
    stroke(mask)
    assert np.array_equal(desk.project.labels("f1"), mask.data)


def test_what_cannot_be_started_says_why(empty: Any) -> None:
    viewer, desk = empty
    with pytest.raises(BadInputError, match=NO_PICTURE):
        desk.start()
    add_objects(viewer)
    with pytest.raises(BadInputError, match=NO_FILE):
        desk.start()
    assert desk.project is None


def test_a_second_window_can_only_look(desk: Any, make_napari_viewer_proxy, qtbot) -> None:
    _, made, _ = desk
    other = make_napari_viewer_proxy()
    owner = QWidget()
    other.window.add_dock_widget(owner, name="owner")
    second = ProjectDesk(other, owner)
    told: list[str] = []
    second.told.connect(told.append)
    second.open(made.project.folder)
    qtbot.waitUntil(lambda: second.link is not None, timeout=LONG)
    assert second.project.read_only
    assert second.project.reason in told
    assert not second.link.layer.editable
    second.close()


def test_a_missing_image_is_told_and_located(desk: Any, tmp_path: Path, qtbot) -> None:
    viewer, made, _ = desk
    folder = made.project.folder
    made.close()
    viewer.layers.clear()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / "field 1.png", moved / "field 1.png")
    asked: list[str] = []
    made.asked.connect(asked.append)
    made.open(folder)
    assert asked == ["f1"]
    assert made.link is None
    made.project.images.locate("f1", moved / "field 1.png")
    made.show("f1")
    qtbot.waitUntil(lambda: made.link is not None, timeout=LONG)


def test_what_another_panel_changes_in_the_project_is_shown(desk: Any) -> None:
    _, made, layer = desk
    made.project.bookmarks.put("before")
    stroke(layer)
    fields = made.project.bookmarks.restore("before")
    made.shared.projectEdited.emit(fields)
    assert np.array_equal(layer.data, squares())


def test_a_pixel_size_that_is_corrected_later_is_kept(desk: Any, qtbot) -> None:
    viewer, made, _ = desk
    half, folder = PixelSize(UM.y / 2, UM.x / 2), made.project.folder
    change_pixel_size(viewer, made.image, half)
    made.shared.pixelSizeChanged.emit(made.image)
    made.close()
    viewer.layers.clear()
    made.open(folder)
    qtbot.waitUntil(lambda: made.link is not None, timeout=LONG)
    record = made.project.field(made.link.field)
    assert (record.pixel_size, record.um_source) == (half, "option")
    assert result_info(made.link.layer).pixel_size == half
    np.testing.assert_allclose(made.image.scale, (half.y, half.x))


def test_a_layer_that_comes_back_after_its_field_went_on_paints_over_nothing(desk: Any) -> None:
    viewer, made, layer = desk
    viewer.layers.remove(layer)
    made.project.apply(
        "f1", [SimpleNamespace(box=Box(0, 0, 2, 3), after=np.full((2, 3), 9, np.int32))]
    )
    stored = np.array(made.project.labels("f1"))
    stroke(layer)
    told: list[str] = []
    made.told.connect(told.append)
    viewer.layers.append(layer)
    assert told == [APART]
    assert np.array_equal(made.project.labels("f1"), stored)
    assert made.link is None
    assert field_of(layer) is None


def test_the_window_takes_the_project_with_it(empty: Any, tmp_path: Path) -> None:
    viewer, made = empty
    add_result_of_file(viewer, tmp_path)
    made.start()
    folder = made.project.folder
    viewer.window.remove_dock_widget(viewer.window.dock_widgets["owner"])
    assert made.project is None
    with Project.open(folder) as other:
        assert not other.read_only
