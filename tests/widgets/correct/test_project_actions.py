"""What can go wrong between a person, her disk and another window, and what she is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import Project, images
from napari_selfreg.widgets.correct import project_actions
from napari_selfreg.widgets.correct.project_actions import ProjectActions, told
from napari_selfreg.widgets.correct.project_box import ProjectBox
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from tests.io.project.steps import large_picture, new_field, overwrite_middle
from tests.io.project.test_journal import FullDisk
from tests.widgets.correct.steps import add_result_of_file, save_picture, stroke
from tests.widgets.results_steps import squares
from tests.widgets.waits import LONG


@pytest.fixture
def acting(light: Any) -> Any:
    light.box = ProjectBox(light.owner)
    light.actions = ProjectActions(light.viewer, light.desk, light.box, light.owner)
    light.told = []
    light.desk.told.connect(light.told.append)
    return light


def visible(part: QWidget) -> bool:
    return not part.isHidden()


def choose(box: ProjectBox, index: int) -> None:
    """Choose a field as a person does."""
    box.fields.setCurrentIndex(index)
    box.fields.activated.emit(index)


def two_fields(acting: Any, folder: Path) -> Path:
    """Add a second field, close the project and empty the window; return the project's folder."""
    acting.viewer.layers.clear()
    add_result_of_file(acting.viewer, folder, "field 2")
    acting.desk.add()
    place = acting.desk.project.folder
    acting.desk.close()
    acting.viewer.layers.clear()
    return place


def test_errors_for_people_become_sentences_and_others_stay_errors() -> None:
    said: list[str] = []

    class Panel:
        desk = SimpleNamespace(told=SimpleNamespace(emit=said.append))

        @told
        def act(self, error: Exception) -> None:
            raise error

    Panel().act(BadInputError("Open the image first."))
    assert said == ["Open the image first."]
    with pytest.raises(ZeroDivisionError):
        Panel().act(ZeroDivisionError())


def test_on_a_full_disk_the_work_goes_on_and_is_saved_elsewhere(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    disk, project = FullDisk(monkeypatch), acting.desk.project
    assert not visible(acting.box.copy_button)
    disk.full = True
    stroke(acting.layer)
    qtbot.waitUntil(lambda: visible(acting.box.copy_button), timeout=LONG)
    assert "disk is full" in acting.box.notice.text()
    stroke(acting.layer, 10, 60, 8)
    assert np.array_equal(project.labels("f1"), acting.layer.data)

    monkeypatch.setattr(project_actions, "ask_copy", lambda *_: tmp_path / "other disk")
    with qtbot.waitSignal(acting.actions.copying.finished, timeout=LONG):
        acting.box.copy_button.click()
        assert not acting.box.copy_button.isEnabled()
    assert acting.told[-1].startswith("A copy of everything is in")
    assert acting.box.copy_button.isEnabled()
    with Project.open(tmp_path / "other disk" / project.folder.name) as copy:
        assert np.array_equal(copy.labels("f1"), acting.layer.data)

    disk.full = False
    stroke(acting.layer, 20, 60, 7)
    qtbot.waitUntil(lambda: not visible(acting.box.copy_button), timeout=LONG)
    acting.desk.close()
    with Project.open(project.folder) as again:
        assert np.array_equal(again.labels("f1"), acting.layer.data)


def test_a_copy_that_fails_is_told(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    name = acting.desk.project.folder.name
    (tmp_path / "other disk" / name).mkdir(parents=True)
    (tmp_path / "other disk" / name / "thesis.txt").touch()
    monkeypatch.setattr(project_actions, "ask_copy", lambda *_: tmp_path / "other disk")
    with qtbot.waitSignal(acting.actions.copying.failed, timeout=LONG):
        acting.box.copy_button.click()
    assert "is not empty" in acting.told[-1]
    assert acting.box.copy_button.isEnabled()


@pytest.mark.parametrize("in_the_way", [False, True])
def test_how_a_copy_ends_is_told_though_its_dock_was_closed(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot, in_the_way: bool
) -> None:
    place = tmp_path / "other disk" / acting.desk.project.folder.name
    if in_the_way:
        place.mkdir(parents=True)
        (place / "thesis.txt").touch()
    go, copy_to = Event(), acting.desk.project.copy_to
    monkeypatch.setattr(acting.desk.project, "copy_to", lambda to: go.wait(10) and copy_to(to))
    monkeypatch.setattr(project_actions, "ask_copy", lambda *_: tmp_path / "other disk")
    with qtbot.waitSignal(acting.actions.copying.received, timeout=LONG):
        acting.box.copy_button.click()
    with qtbot.waitSignal(acting.actions.copying.cancelled, timeout=LONG):
        acting.actions.copying.cancel()
        go.set()
    assert ("is not empty" if in_the_way else "A copy of everything") in acting.told[-1]


def test_a_copy_that_nobody_wants_is_not_made(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_actions, "ask_copy", lambda *_: None)
    before = sorted(tmp_path.iterdir())
    acting.box.copy_button.click()
    assert sorted(tmp_path.iterdir()) == before
    assert acting.told == []


def test_a_second_window_may_write_once_the_first_is_closed(acting: Any, qtbot) -> None:
    viewer, owner = ViewerModel(), QWidget()
    qtbot.addWidget(owner)
    second = ProjectDesk(viewer, owner)
    box = ProjectBox(owner)
    ProjectActions(viewer, second, box, owner)
    folder = acting.desk.project.folder
    second.open(folder)
    qtbot.waitUntil(lambda: second.link is not None, timeout=LONG)
    assert "another window" in box.notice.text()
    assert not second.link.layer.editable
    stroke(acting.layer)
    acting.desk.close()
    second.open(folder)
    qtbot.waitUntil(lambda: second.link is not None, timeout=LONG)
    assert not visible(box.notice)
    assert np.array_equal(second.link.labels, acting.layer.data)
    stroke(second.link.layer, 10, 60, 8)
    assert (second.project.labels("f1") == 8).any()
    second.close()


def test_images_that_moved_together_are_found_together(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    folder = two_fields(acting, tmp_path)
    (tmp_path / "archive").mkdir()
    for stem in ("field 1", "field 2"):
        shutil.move(tmp_path / f"{stem}.png", tmp_path / "archive")
    acting.desk.open(folder)
    assert "is not where it was: press Locate…" in acting.box.notice.text()
    choose(acting.box, 1)
    assert visible(acting.box.locate_button)
    monkeypatch.setattr(
        project_actions, "ask_image", lambda *_: tmp_path / "archive" / "field 2.png"
    )
    acting.box.locate_button.click()
    assert "2 images found again." in acting.told
    assert not visible(acting.box.locate_button)
    qtbot.waitUntil(lambda: acting.desk.link is not None, timeout=LONG)
    assert acting.desk.link.field == "f2"


@pytest.fixture
def fresh(qtbot) -> Any:
    """Desk and box of a window in which nothing was done yet."""
    viewer, owner = ViewerModel(), QWidget()
    qtbot.addWidget(owner)
    desk, box = ProjectDesk(viewer, owner), ProjectBox(owner)
    ProjectActions(viewer, desk, box, owner)
    yield SimpleNamespace(viewer=viewer, desk=desk, box=box)
    desk.close()


def test_a_project_opened_anew_offers_to_locate_its_image(
    acting: Any, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    folder = acting.desk.project.folder
    acting.desk.close()
    moved = (tmp_path / "field 1.png").rename(tmp_path / "moved.png")
    fresh.desk.open(folder)
    assert visible(fresh.box.locate_button)
    assert fresh.box.fields.currentData() == "f1"
    monkeypatch.setattr(project_actions, "ask_image", lambda *_: moved)
    fresh.box.locate_button.click()
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    assert not visible(fresh.box.locate_button)


def test_a_missing_image_is_located_while_another_field_is_on_show(
    acting: Any, fresh: Any, tmp_path: Path, qtbot
) -> None:
    folder = two_fields(acting, tmp_path)
    (tmp_path / "field 2.png").unlink()
    fresh.desk.open(folder)
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    assert not visible(fresh.box.locate_button)
    choose(fresh.box, 1)
    assert visible(fresh.box.locate_button)
    assert fresh.box.fields.currentData() == "f2"
    assert fresh.desk.link.field == "f1"
    choose(fresh.box, 0)
    assert not visible(fresh.box.locate_button)
    assert fresh.box.fields.currentData() == "f1"


def changed_project(acting: Any, folder: Path) -> Path:
    """Close the project and change its image; return the folder of the project."""
    place = acting.desk.project.folder
    acting.desk.close()
    (folder / "field 1.png").rename(folder / "original.png")
    save_picture(folder, "field 1", np.zeros((60, 80), np.int32))
    return place


def test_a_changed_image_is_told_as_long_as_it_is_on_show(
    acting: Any, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    fresh.desk.open(changed_project(acting, tmp_path))
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    assert "has changed since it was corrected" in fresh.box.notice.text()
    assert visible(fresh.box.notice)
    assert visible(fresh.box.locate_button)
    monkeypatch.setattr(project_actions, "ask_image", lambda *_: tmp_path / "field 1.png")
    monkeypatch.setattr(project_actions, "ask_other_image", lambda *_: True)
    fresh.box.locate_button.click()
    assert not visible(fresh.box.notice)
    assert not visible(fresh.box.locate_button)


def test_the_original_of_a_changed_image_takes_its_place(
    acting: Any, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    fresh.desk.open(changed_project(acting, tmp_path))
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    monkeypatch.setattr(project_actions, "ask_image", lambda *_: tmp_path / "original.png")
    fresh.box.locate_button.click()
    qtbot.waitUntil(lambda: getattr(fresh.desk.image, "name", "") == "original", timeout=LONG)
    assert fresh.desk.link.field == "f1"
    assert len(fresh.viewer.layers) == 2
    assert not visible(fresh.box.notice)
    stroke(fresh.desk.link.layer)
    assert (fresh.desk.project.labels("f1") == 9).any()


def test_a_change_that_only_reading_all_of_it_shows_is_told_later(
    acting: Any, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    acting.desk.close()
    image = large_picture(tmp_path / "large.png")
    with Project.create(tmp_path / "large.selfreg", [new_field(image)]) as project:
        project.images.hash_all(lambda: False)
    overwrite_middle(image)
    go_on, whole = Event(), images.full_hash

    def slow(file: Path, stopped: Any) -> str | None:
        assert go_on.wait(LONG / 1000)
        return whole(file, stopped)

    monkeypatch.setattr(images, "full_hash", slow)
    fresh.desk.open(project.folder)
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    assert not visible(fresh.box.locate_button)
    go_on.set()
    qtbot.waitUntil(lambda: visible(fresh.box.locate_button), timeout=LONG)
    assert "has changed since it was corrected" in fresh.box.notice.text()


def test_strokes_beside_a_changed_image_are_still_warned_of(
    acting: Any, fresh: Any, tmp_path: Path, qtbot
) -> None:
    fresh.desk.open(changed_project(acting, tmp_path))
    qtbot.waitUntil(lambda: fresh.desk.link is not None, timeout=LONG)
    fresh.viewer.add_labels(squares(), name="mine")
    text = fresh.box.notice.text()
    assert "strokes on it are not kept" in text
    assert "has changed since it was corrected" in text


def marks(box: ProjectBox) -> str:
    """Return the marks of all fields of the list."""
    return "".join(box.fields.itemText(index)[0] for index in range(box.fields.count()))


def test_the_list_shows_how_far_each_field_is_at_once(acting: Any, tmp_path: Path) -> None:
    acting.viewer.layers.clear()
    add_result_of_file(acting.viewer, tmp_path, "field 2")
    acting.desk.add()
    assert marks(acting.box) == "◐◐"
    stroke(acting.desk.link.layer)
    assert marks(acting.box) == "◐✎"
    acting.desk.set_state("done")
    assert marks(acting.box) == "◐✓"
    acting.desk.set_state("corrected")
    assert marks(acting.box) == "◐✎"
    assert acting.box.fields.currentData() == "f2"


def test_so_does_what_another_panel_says_is_done(acting: Any) -> None:
    acting.desk.project.set_state("f1", "done")
    acting.desk.shared.projectEdited.emit(("f1",))
    assert marks(acting.box) == "✓"


def test_a_list_that_is_open_stays_so_while_marks_change(acting: Any) -> None:
    """Filling it anew would close it under the mouse."""
    cleared: list[int] = []
    acting.box.fields.model().rowsRemoved.connect(lambda *_: cleared.append(1))
    stroke(acting.layer)
    assert marks(acting.box) == "✎"
    assert cleared == []


def test_whoever_has_changed_her_mind_locates_nothing(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "field 1.png").unlink()
    acting.actions.refresh()
    assert visible(acting.box.locate_button)
    monkeypatch.setattr(project_actions, "ask_image", lambda *_: None)
    acting.box.locate_button.click()
    assert acting.told == []
    assert visible(acting.box.locate_button)


def test_dialogs_begin_where_the_image_lies(
    acting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    monkeypatch.setattr(project_actions, "ask_project", lambda _, start: begun.append(start))
    acting.desk.close()
    acting.box.open_button.click()
    acting.viewer.layers.clear()
    acting.box.open_button.click()
    assert begun == [tmp_path, Path.home()]


def test_closing_leaves_the_layers_and_offers_to_begin_again(acting: Any) -> None:
    folder = acting.desk.project.folder
    acting.box.close_button.click()
    assert acting.layer in acting.viewer.layers
    assert acting.layer.editable
    assert visible(acting.box.start_button)
    assert acting.box.fields.count() == 0
    with Project.open(folder) as project:
        assert not project.read_only
