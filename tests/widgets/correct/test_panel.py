from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct import project_actions
from napari_selfreg.widgets.correct.panel import CorrectPanel
from napari_selfreg.widgets.correct.project_box import ADD, START
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.shared import PathOffer
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.waits import LONG


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answer a question of the panel before it is asked."""

    def give(question: str, reply: Any) -> None:
        monkeypatch.setattr(project_actions, question, lambda *_: reply)

    return give


@pytest.fixture
def panel(make_napari_viewer_proxy) -> Any:
    """A viewer with a Correct panel in its window."""
    viewer = make_napari_viewer_proxy()
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Correct")
    yield viewer, panel
    panel.desk.close()


def shown(part: Any) -> bool:
    return not part.isHidden()


def test_without_a_result_there_is_nothing_to_start(panel: Any) -> None:
    _, made = panel
    made.box.start_button.click()
    assert "segment an image" in made.status.text()
    assert made.desk.project is None
    assert shown(made.box.open_button)
    assert not shown(made.box.fields)


def test_one_click_makes_a_project(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    assert made.box.start_button.isEnabled()
    assert made.box.start_button.text() == START
    made.box.start_button.click()
    assert made.desk.project is not None
    assert made.desk.project.folder.name in made.status.text()
    assert made.box.fields.currentText().endswith("field 1")
    assert not shown(made.box.start_button)
    stroke(layer)
    assert np.array_equal(made.desk.project.labels("f1"), layer.data)


def test_a_result_of_another_image_can_be_added(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    viewer.layers.clear()
    add_result_of_file(viewer, tmp_path, "field 2")
    assert made.box.start_button.text() == ADD
    assert shown(made.box.start_button)
    made.box.start_button.click()
    assert made.box.fields.count() == 2
    assert made.box.fields.currentText().endswith("field 2")


def test_closing_and_opening(panel: Any, tmp_path: Path, answer, qtbot) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    stroke(layer)
    made.box.close_button.click()
    assert made.desk.project is None
    assert shown(made.box.open_button)
    viewer.layers.clear()
    answer("ask_project", None)
    made.box.open_button.click()
    assert made.desk.project is None
    answer("ask_project", folder)
    made.box.open_button.click()
    qtbot.waitUntil(lambda: made.desk.link is not None, timeout=LONG)
    assert np.array_equal(made.desk.link.labels, layer.data)


def test_what_is_no_project_is_told(panel: Any, tmp_path: Path, answer) -> None:
    _, made = panel
    answer("ask_project", tmp_path)
    made.box.open_button.click()
    assert "is no project" in made.status.text()


def test_a_full_disk_is_told_and_a_copy_can_be_saved(
    panel: Any, tmp_path: Path, answer, qtbot
) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    made.desk.problemChanged.emit("The disk is full.")
    assert "The disk is full." in made.box.notice.text()
    assert shown(made.box.copy_button)
    stroke(layer)
    (tmp_path / "other").mkdir()
    answer("ask_copy", tmp_path / "other")
    with qtbot.waitSignal(made.actions_of_project.copying.finished, timeout=LONG):
        made.box.copy_button.click()
    copy = tmp_path / "other" / made.desk.project.folder.name
    with Project.open(copy) as project:
        assert np.array_equal(project.labels("f1"), layer.data)
    made.desk.problemChanged.emit("")
    assert not shown(made.box.copy_button)


def test_a_second_window_says_that_it_can_only_look(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    made.desk.close()
    with Project.open(folder):
        made.open_project(folder)
        assert "open in another window" in made.box.notice.text()


@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_image_is_located(panel: Any, tmp_path: Path, answer, accepted: bool) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    made.desk.close()
    viewer.layers.clear()
    other = (tmp_path / "field 1.png").rename(tmp_path / "moved.png")
    other.write_bytes(other.read_bytes() + b"\0")  # shown all the same, but not the same file
    made.open_project(folder)
    made.box.fields.setCurrentIndex(0)
    made.actions_of_project._on_field(0)
    assert shown(made.box.locate_button)
    answer("ask_image", other)
    answer("ask_other_image", accepted)
    made.box.locate_button.click()
    assert shown(made.box.locate_button) is not accepted


def test_an_image_that_does_not_fit_is_refused(panel: Any, tmp_path: Path, answer) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    made.actions_of_project._wanted = "f1"
    add_result_of_file(viewer, tmp_path, "small", labels=np.zeros((9, 9), np.int32))
    answer("ask_image", tmp_path / "small.png")
    made.box.locate_button.click()
    assert "9 x 9 pixels" in made.status.text()
    with pytest.raises(BadInputError):
        made.desk.project.images.locate("f1", tmp_path / "small.png")


def test_a_project_from_the_menu_or_a_drop(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    made.desk.close()
    offer = PathOffer(folder)
    made.desk.shared.projectOffered.emit(offer)
    assert offer.taken
    assert made.desk.project.folder == folder


def test_a_panel_in_no_window_takes_no_project(make_napari_viewer_proxy, qtbot) -> None:
    made = CorrectPanel(make_napari_viewer_proxy())
    qtbot.addWidget(made)
    offer = PathOffer(Path())
    made.desk.shared.projectOffered.emit(offer)
    assert not offer.taken


def test_strokes_that_nobody_keeps_are_warned_of(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    assert not shown(made.box.notice)
    other = viewer.add_labels(np.zeros_like(layer.data), name="draft")
    assert "“draft” is not in the project" in made.box.notice.text()
    viewer.layers.selection.active = layer
    assert not shown(made.box.notice)
    viewer.layers.remove(other)


def test_a_layer_that_was_removed_comes_back(panel: Any, tmp_path: Path, qtbot) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    stroke(layer)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "not from the project" in made.status.text(), timeout=LONG)
    made.actions_of_project._on_field(0)
    assert np.array_equal(made.desk.link.labels, layer.data)
    assert len(made.desk.project.fields) == 1


def test_a_field_is_not_added_twice(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    image, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    stroke(layer)
    viewer.layers.remove(layer)
    viewer.add_labels(np.zeros_like(layer.data), scale=image.scale, units=image.units)
    made.box.start_button.click()
    assert len(made.desk.project.fields) == 1
    assert np.array_equal(made.desk.link.labels, layer.data)


@pytest.mark.parametrize("go_on", [True, False])
def test_corrections_of_an_earlier_day_are_offered(
    panel: Any, tmp_path: Path, answer, qtbot, go_on: bool
) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    stroke(layer)
    made.box.close_button.click()
    viewer.layers.clear()
    add_result_of_file(viewer, tmp_path)
    answer("ask_to_go_on", "go on" if go_on else "anew")
    made.box.start_button.click()
    qtbot.waitUntil(lambda: made.desk.link is not None, timeout=LONG)
    assert (made.desk.project.folder == folder) is go_on
    assert (made.desk.link.labels == 9).any() == go_on


def test_whoever_leaves_the_question_starts_nothing(panel: Any, tmp_path: Path, answer) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    made.box.close_button.click()
    before = sorted(tmp_path.iterdir())
    answer("ask_to_go_on", None)
    made.box.start_button.click()
    assert made.desk.project is None
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_panel_of_a_window_takes_over(panel: Any, tmp_path: Path, qtbot) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    folder = made.desk.project.folder
    second = CorrectPanel(viewer)
    viewer.window.add_dock_widget(second, name="Correct 2")
    assert made.desk.project is None
    assert not made.isEnabled()
    qtbot.waitUntil(lambda: second.desk.link is not None, timeout=LONG)
    assert second.desk.project.folder == folder
    assert second.desk.link.layer is bare(layer)
    stroke(layer)
    assert np.array_equal(second.desk.project.labels("f1"), layer.data)
    second.desk.close()
