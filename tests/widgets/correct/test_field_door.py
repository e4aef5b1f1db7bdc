from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.widgets.correct.cut_line import NAME, CutLine
from napari_selfreg.widgets.correct.field_door import FieldDoor
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.layers import pixel_size_of
from tests.widgets.correct.steps import add_result_of_file, save_picture
from tests.widgets.results_steps import UM, squares
from tests.widgets.waits import LONG


def test_without_an_open_panel_it_opens_images_itself(panel: Any, tmp_path: Path, qtbot) -> None:
    viewer, made = panel
    door: FieldDoor = made.desk.door
    paths = [save_picture(tmp_path, stem, squares()) for stem in ("a", "b")]
    for path in paths:
        door.list(path, UM, "corrected")
    with qtbot.waitSignal(door.shown, timeout=LONG) as signal:
        door.show(paths[1])
    assert signal.args == [paths[1]]
    assert [layer.name for layer in viewer.layers] == ["b"]
    assert pixel_size_of(viewer.layers[0]) == UM
    door.set_state(paths[0], "done")
    assert [each.state for each in door.fields] == ["done", "corrected"]
    with qtbot.waitSignal(door.shown, timeout=LONG):
        door.show(paths[1])  # it is there already


def test_the_list_of_the_open_panel_is_taken(panel: Any, tmp_path: Path) -> None:
    _, made = panel
    made.desk.shared.fields = fields = FieldList()
    made.desk.door.list(tmp_path / "a.png", UM, "done")
    assert [each.path.name for each in fields] == ["a.png"]
    made.desk.door.show(tmp_path / "c.png")
    assert fields.current.path.name == "c.png"


def test_what_cannot_be_opened_is_told(panel: Any, tmp_path: Path, qtbot) -> None:
    _, made = panel
    (tmp_path / "a.png").write_bytes(b"no picture")
    made.desk.door.show(tmp_path / "a.png")
    qtbot.waitUntil(lambda: "a.png is damaged" in made.status.text(), timeout=LONG)


def test_the_line_lies_where_it_is_drawn(panel: Any, tmp_path: Path) -> None:
    viewer, _ = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    active = viewer.layers.selection.active
    line = CutLine(viewer)
    line.draw(layer, [(2, 3), (10, 3)])
    line.draw(layer, [(2, 3), (10, 3), (20, 7)])
    drawn = viewer.layers[NAME]
    wanted = [layer.data_to_world(place) for place in ((2, 3), (10, 3), (20, 7))]
    np.testing.assert_allclose(drawn.data[0], wanted)
    assert viewer.layers.selection.active == active
    line.remove()
    assert NAME not in viewer.layers
    line.remove()


@pytest.mark.parametrize("removed", [True, False])
def test_a_field_that_was_removed_from_the_list_has_no_state(
    panel: Any, tmp_path: Path, removed: bool
) -> None:
    _, made = panel
    door = made.desk.door
    field = door.list(tmp_path / "a.png", UM, "corrected")
    if removed:
        door.fields.remove([field])
    door.set_state(tmp_path / "a.png", "done")
    assert (field.state == "done") is not removed
