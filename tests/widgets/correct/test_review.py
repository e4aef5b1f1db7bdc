from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.io.project.reviewed import reviewed_mask
from napari_selfreg.widgets.correct.regions import NAME, NOT_IN_VIEW
from napari_selfreg.widgets.correct.review import ALL_DONE, DONE, NOT_DONE
from tests.widgets.correct.steps import add_result_of_file, drag
from tests.widgets.waits import LONG


def mask(made: Any, field: str = "f1") -> np.ndarray:
    project = made.desk.project
    return reviewed_mask(project.facts(field).regions.values(), project.field(field))


def kinds(made: Any, field: str = "f1") -> list[str]:
    return [region.kind for region in made.desk.project.facts(field).regions.values()]


def test_a_rectangle_is_kept_and_the_brush_comes_back(opened: Any, qtbot) -> None:
    made, layer = opened
    made.review_box.rectangle_button.click()
    assert made._viewer.layers.selection.active.name == NAME
    assert "Drag a rectangle" in made.status.text()
    drag(made.regions.layer, [(9.5, 19.5), (20, 30), (29.5, 49.5)])
    qtbot.waitUntil(lambda: kinds(made) == ["rectangle"], timeout=LONG)
    wanted = np.zeros((60, 80), bool)
    wanted[10:30, 20:50] = True
    assert np.array_equal(mask(made), wanted)
    assert made._viewer.layers.selection.active == layer
    assert made.hand.active == "brush"
    assert made.review_box.title.text().startswith("1 reviewed region")


def test_changing_and_removing_shapes(opened: Any, qtbot) -> None:
    made, _ = opened
    made.regions.put(np.array([(0, 0), (0, 10), (10, 10), (10, 0)], float), "polygon")
    (first,) = made.regions.all
    shapes = made.regions.layer
    shapes.data = [np.asarray(shapes.data[0]) + 5]
    qtbot.waitUntil(lambda: mask(made)[12, 12], timeout=LONG)
    assert list(made.regions.all) == [first]
    assert not mask(made)[3, 3]
    made.regions.layer.selected_data = {0}
    made.regions.layer.remove_selected()
    qtbot.waitUntil(lambda: kinds(made) == [], timeout=LONG)
    assert NAME not in [layer.name for layer in made._viewer.layers]


def test_what_i_see(opened: Any) -> None:
    made, _ = opened
    camera = made._viewer.scene.camera
    camera.center = (15.0, 20.0)
    made._viewer.canvas.size = (200, 200)
    camera.zoom = 20
    made.review_box.view_button.click()
    assert kinds(made) == ["view"]
    assert 0.2 * 60 * 80 > mask(made).sum() > 100
    assert mask(made)[30, 40]
    camera.center = (5000.0, 5000.0)
    made.review_box.view_button.click()
    assert made.status.text() == NOT_IN_VIEW


def test_a_field_is_done_and_the_next_one_comes(opened: Any, tmp_path: Path, qtbot) -> None:
    made, _ = opened
    viewer = made._viewer
    viewer.layers.clear()
    add_result_of_file(viewer, tmp_path, "field 2")
    made.box.start_button.click()
    assert made.desk.link.field == "f2"
    made.review_box.done_button.click()
    qtbot.waitUntil(
        lambda: made.desk.link is not None and made.desk.link.field == "f1", timeout=LONG
    )
    assert mask(made, "f2").all()
    assert made.desk.project.facts("f2").state == "done"
    assert made.box.fields.itemText(1) == "✓ field 2"
    made.review_box.done_button.click()
    assert made.status.text() == ALL_DONE
    assert made.review_box.done_button.text() == NOT_DONE
    made.review_box.done_button.click()
    assert made.review_box.done_button.text() == DONE
    assert kinds(made) == []
    assert made.desk.project.facts("f1").state == "corrected"


def test_that_all_is_done_is_taken_back_with_it(opened: Any) -> None:
    made, _ = opened
    made.review_box.done_button.click()
    assert made.status.text() == ALL_DONE
    made.review_box.done_button.click()
    assert made.status.text() == ""
    made.review_box.done_button.click()
    made.regions.drop("field")  # as with the Delete key
    assert made.status.text() == ""
    made.review_box.done_button.click()
    made.desk.told.emit("The disk is full.")
    made.review_box.done_button.click()
    assert made.status.text() == "The disk is full."


def test_nothing_is_said_of_a_project_that_is_closed(opened: Any) -> None:
    made, _ = opened
    made.review_box.done_button.click()
    made.box.close_button.click()
    assert made.status.text() == ""


def test_how_to_draw_is_said_only_while_the_field_is_on_show(opened: Any) -> None:
    made, layer = opened
    made.review_box.rectangle_button.click()
    assert made.status.text().startswith("Drag a rectangle")
    made._viewer.layers.remove(layer)
    assert not made.status.text().startswith("Drag a rectangle")


def test_the_brush_comes_back_when_the_last_region_is_deleted(opened: Any, qtbot) -> None:
    made, layer = opened
    made.regions.put(np.array([(0, 0), (0, 10), (10, 10), (10, 0)], float), "polygon")
    shapes = made.regions.layer
    made._viewer.layers.selection.active = shapes
    shapes.selected_data = {0}
    shapes.remove_selected()
    qtbot.waitUntil(lambda: not made.regions.all, timeout=LONG)
    assert made._viewer.layers.selection.active == layer
    assert made.hand.active == "brush"


def test_without_corrections_nothing_is_said_of_reviewed_regions(opened: Any) -> None:
    made, layer = opened
    made.regions.put(np.array([(0, 0), (0, 10), (10, 10), (10, 0)], float), "polygon")
    made.review_box.done_button.click()
    made._viewer.layers.remove(layer)
    assert made.review_box.title.text() == ""
    assert made.review_box.done_button.text() == DONE
    made.desk.show("f1")
    assert made.review_box.title.text() == "All of this field is reviewed"
    made.desk.close()
    assert made.review_box.title.text() == ""


def test_regions_come_back_with_the_project(opened: Any, qtbot) -> None:
    made, _ = opened
    corners = np.array([(2, 3), (2, 30), (22, 30), (22, 3)], float)
    made.regions.put(corners, "rectangle")
    before = mask(made)
    folder = made.desk.project.folder
    made.desk.close()
    assert made.regions.layer is None
    made._viewer.layers.clear()
    made.open_project(folder)
    qtbot.waitUntil(lambda: made.regions.layer is not None, timeout=LONG)
    np.testing.assert_allclose(made.regions.layer.data[0], corners - 0.5)
    assert np.array_equal(mask(made), before)


def test_without_a_project_nothing_happens(panel: Any) -> None:
    _, made = panel
    made.regions.draw("polygon")
    made.regions.add_view()
    made.regions.add_field()
    made.review.finish()
    assert made.regions.layer is None
    assert made.regions.all == {}


def test_one_more_field_is_not_done(opened: Any, tmp_path: Path) -> None:
    made, _ = opened
    made.review_box.done_button.click()
    assert made.status.text() == ALL_DONE
    made._viewer.layers.clear()
    add_result_of_file(made._viewer, tmp_path, "field 2")
    made.box.start_button.click()
    assert made.status.text() == ""
