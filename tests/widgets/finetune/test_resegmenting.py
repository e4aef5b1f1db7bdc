from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.resegment import resegment_around
from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.resegment_types import ResegmentRequest
from napari_selfreg.io.project import Camera, ObjectState, new_objects
from napari_selfreg.io.project.new_objects import NewObjects
from napari_selfreg.widgets.finetune.compare_job import BEFORE, prepare_all
from napari_selfreg.widgets.finetune.resegmenting import SURE, Resegmenting
from napari_selfreg.widgets.shared import Shared
from tests.io.project.steps import block
from tests.widgets.fakes import write_model
from tests.widgets.finetune.cases import new_project, review
from tests.widgets.waits import LONG


def fake_job(request: ResegmentRequest) -> Iterator[Event]:
    """Find one large object in every field."""
    yield Progress(0, 2, "Segmenting")
    yield Notice("One field is odd.")
    found = [
        NewObjects(each, np.ones(request.project.field(each).shape, np.int32), {1: "gland"})
        for each in request.fields
    ]
    ready = yield from prepare_all(request, found)
    request.project.bookmarks.put(BEFORE)
    return ready


@pytest.fixture
def box(qtbot, project, tmp_path: Path) -> Any:
    made = Resegmenting(Shared(), fake_job)
    qtbot.addWidget(made)
    made.set_model(project, write_model(tmp_path), "Version 1")
    return made


def run(box: Resegmenting, qtbot: Any) -> None:
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.button.click()
        if not box.question.isHidden():
            box.question.replace_button.click()


def undo(box: Resegmenting, qtbot: Any) -> None:
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.undo_button.click()


def labels(project: Any) -> list[np.ndarray]:
    return [np.array(project.labels(each.id)) for each in project.fields]


def test_what_was_reviewed_and_accepted_stays(box, project, qtbot) -> None:
    review(project, "f1", Box(0, 0, 20, 20))
    project.set_objects("f2", {2: ObjectState(accepted=True)})
    old = labels(project)
    edited: list[tuple[str, ...]] = []
    box._shared.projectEdited.connect(edited.append)
    run(box, qtbot)
    new = labels(project)
    np.testing.assert_array_equal(new[0][:20, :20], old[0][:20, :20])
    np.testing.assert_array_equal(new[1] == 2, old[1] == 2)
    assert all(each.any() for each in new)
    assert edited == [("f1",), ("f2",)]
    assert "2 fields changed." in box.status.text()
    assert "One field is odd." in box.status.text()
    assert project.facts("f1").model == "spots"


def test_one_undo_restores_all_fields(box, project, qtbot) -> None:
    old, facts = labels(project), project.facts("f1")
    assert box.undo_button.isHidden()
    run(box, qtbot)
    assert not box.undo_button.isHidden()
    edited: list[tuple[str, ...]] = []
    box._shared.projectEdited.connect(edited.append)
    undo(box, qtbot)
    for now, then in zip(labels(project), old, strict=True):
        np.testing.assert_array_equal(now, then)
    assert project.facts("f1").model == facts.model
    assert edited == [("f1", "f2")]
    assert box.undo_button.isHidden()


def test_edits_made_since_are_not_lost_without_a_question(box, project, qtbot) -> None:
    old = labels(project)
    run(box, qtbot)
    project.apply("f1", [block(0, 0, 3, 3, 9)])
    box.undo_button.click()
    assert box.status.text() == SURE
    assert project.labels("f1")[0, 0] == 9
    undo(box, qtbot)
    np.testing.assert_array_equal(project.labels("f1"), old[0])


def test_corrections_that_are_not_reviewed_are_not_replaced_without_a_question(
    box, project, qtbot
) -> None:
    review(project, "f1")
    before = project.sequence
    box.button.click()
    assert not box.question.isHidden()
    assert box.question.text.text() == (
        "1 corrected field is not reviewed: its corrections will be replaced."
    )
    box.question.no_button.click()
    assert box.question.isHidden()
    assert not box.runner.running
    assert project.sequence == before


def test_treated_as_done_they_stay_bit_for_bit(box, project, qtbot) -> None:
    old = labels(project)
    edited: list[tuple[str, ...]] = []
    box._shared.projectEdited.connect(edited.append)
    box.button.click()
    assert "2 corrected fields are not reviewed" in box.question.text.text()
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.question.keep_button.click()
    for now, then in zip(labels(project), old, strict=True):
        np.testing.assert_array_equal(now, then)
    assert edited == [("f1", "f2")]
    assert [project.facts(each).state for each in ("f1", "f2")] == ["done", "done"]


def test_what_was_replaced_no_longer_counts_as_corrected(box, project, qtbot) -> None:
    run(box, qtbot)
    assert [project.facts(each).state for each in ("f1", "f2")] == ["segmented", "segmented"]
    undo(box, qtbot)
    assert [project.facts(each).state for each in ("f1", "f2")] == ["corrected", "corrected"]


def test_it_asks_once_only(box, project, qtbot) -> None:
    run(box, qtbot)
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.button.click()
    assert box.question.isHidden()


def test_the_question_follows_what_is_reviewed_meanwhile(box, project, tmp_path) -> None:
    box.button.click()
    review(project, "f1")
    box.set_model(project, write_model(tmp_path), "Version 1")
    assert box.question.text.text().startswith("1 corrected field")
    review(project, "f2")
    box.set_model(project, write_model(tmp_path), "Version 1")
    assert box.question.isHidden()


def test_a_project_that_cannot_be_written_says_so(box, project, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise WriteError("The project is open in another window.")

    box.button.click()
    monkeypatch.setattr(type(project), "put_region", refuse)
    box.question.keep_button.click()
    assert box.status.text() == "The project is open in another window."
    assert not box.runner.running


def test_looking_around_is_no_edit_but_accepting_is_one(box, project, qtbot) -> None:
    run(box, qtbot)
    project.set_camera("f1", Camera(center=(3.5, 4.25), zoom=2.0))
    undo(box, qtbot)
    run(box, qtbot)
    project.set_objects("f1", {1: ObjectState(accepted=True)})
    box.undo_button.click()
    assert box.status.text() == SURE


def test_the_window_only_puts_what_a_thread_has_prepared(box, project, qtbot, monkeypatch) -> None:
    merging: list[threading.Thread] = []

    def watched(*args: Any) -> Any:
        merging.append(threading.current_thread())
        return resegment_around(*args)

    monkeypatch.setattr(new_objects, "resegment_around", watched)
    run(box, qtbot)
    assert len(merging) == 2
    assert threading.main_thread() not in merging


def test_only_the_field_on_show_stays_in_memory(box, project, qtbot) -> None:
    project.set_camera("f1", Camera(center=(3.5, 4.25), zoom=2.0))
    run(box, qtbot)
    held = [memory.labels is not None for memory in project._memory.fields.values()]
    assert held == [True, False]
    undo(box, qtbot)
    held = [memory.labels is not None for memory in project._memory.fields.values()]
    assert held == [True, False]


def test_a_field_that_is_edited_at_the_last_moment_is_left_alone(qtbot, project, tmp_path) -> None:
    def job(request: ResegmentRequest) -> Iterator[Event]:
        ready = yield from fake_job(request)
        project.apply("f1", [block(0, 0, 3, 3, 9)])
        return ready

    box = Resegmenting(Shared(), job)
    qtbot.addWidget(box)
    box.set_model(project, write_model(tmp_path), "Version 1")
    expected = np.array(project.labels("f1"))
    expected[:3, :3] = 9
    run(box, qtbot)
    np.testing.assert_array_equal(project.labels("f1"), expected)
    assert "1 field changed." in box.status.text()
    assert "field0 was edited meanwhile and stays as it is" in box.status.text()


def test_what_was_for_another_project_touches_neither(box, project, qtbot, tmp_path) -> None:
    (tmp_path / "other").mkdir()
    with new_project(tmp_path / "other") as other:
        other.bookmarks.put(BEFORE)
        sequence = project.sequence
        box.runner.finished.disconnect()
        box.button.click()
        with qtbot.waitSignal(box.runner.finished, timeout=LONG) as ended:
            box.question.replace_button.click()
        box._on_found(ended.args[0])  # puts the first, and the second when there is time
        assert project.sequence > sequence
        sequence = project.sequence
        box.set_model(other, write_model(tmp_path), "Version 1")
        QApplication.processEvents()
        assert project.sequence == sequence
        assert BEFORE in other.bookmarks.names
        box.set_model(None, None)


def test_it_can_be_undone_after_reopening(box, project, qtbot, tmp_path) -> None:
    old = labels(project)
    run(box, qtbot)
    again = Resegmenting(Shared(), fake_job)
    qtbot.addWidget(again)
    again.set_model(project, write_model(tmp_path), "Version 1")
    again.undo_button.click()
    assert again.status.text() == SURE  # it cannot know what was edited
    undo(again, qtbot)
    np.testing.assert_array_equal(project.labels("f1"), old[0])


def test_nothing_changed_is_nothing_to_undo(box, project, qtbot) -> None:
    for each in ("f1", "f2"):
        review(project, each, Box(0, 0, 64, 80))
    run(box, qtbot)
    assert "0 fields changed." in box.status.text()
    assert box.undo_button.isHidden()


def test_cancelling_changes_nothing(qtbot, project, tmp_path) -> None:
    def endless(request: ResegmentRequest) -> Iterator[Event]:
        while True:
            yield Progress(0, 0)

    box = Resegmenting(Shared(), endless)
    qtbot.addWidget(box)
    box.show()
    box.set_model(project, write_model(tmp_path), "Version 1")
    before = project.sequence
    box.button.click()
    box.question.replace_button.click()
    assert box.button.text() == "Cancel"
    box.button.click()
    qtbot.waitUntil(lambda: not box.runner.running, timeout=LONG)
    assert project.sequence == before
    assert box.status.text().startswith("Cancelled")


def test_a_failure_is_said(qtbot, project, tmp_path) -> None:
    def fail(request: ResegmentRequest) -> Iterator[Event]:
        yield Progress(0, 0)
        raise BadInputError("The model is odd: look at it.")

    box = Resegmenting(Shared(), fail)
    qtbot.addWidget(box)
    box.set_model(project, write_model(tmp_path), "Version 1")
    box.button.click()
    box.question.replace_button.click()
    qtbot.waitUntil(lambda: not box.runner.running, timeout=LONG)
    assert box.status.text() == "The model is odd: look at it."


def test_without_a_project_there_is_nothing_to_press(qtbot) -> None:
    box = Resegmenting(Shared(), fake_job)
    qtbot.addWidget(box)
    assert not box.button.isEnabled()
    box.run()
    box.undo()
    assert not box.runner.running
