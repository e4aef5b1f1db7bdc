from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtGui import QShortcut

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import StepDone
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.summary import NO_PROJECT, NOTHING
from napari_selfreg.widgets.finetune.tuning import CANCELLED
from napari_selfreg.widgets.shared import shared_for
from tests.widgets.finetune.cases import FakeTuning, review
from tests.widgets.waits import LONG


def finish(panel: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)


def test_without_a_project_it_says_what_to_do(make_tuning) -> None:
    _, panel, _ = make_tuning(opened=False)
    assert panel.about.text() == NO_PROJECT
    assert panel.status.text() == ""  # not a second time
    assert panel.start_button.toolTip() == NO_PROJECT
    assert not panel.start_button.isEnabled()


def test_nothing_reviewed_nothing_started(make_tuning) -> None:
    _, panel, job = make_tuning()
    assert panel.status.text() == NOTHING
    panel.start()
    assert not panel.runner.running
    assert not job.requests


def test_a_region_drawn_elsewhere_is_noticed(make_tuning, project, qtbot) -> None:
    _, panel, _ = make_tuning(show=True)
    review(project, "f2")
    qtbot.waitUntil(panel.start_button.isEnabled, timeout=LONG)
    assert panel.about.text() == "case: 1 region reviewed in 1 of 2 fields."


def test_start_asks_for_what_is_set(make_tuning, project, qtbot) -> None:
    review(project, "f2")
    _, panel, job = make_tuning()
    panel.form.minutes.setValue(2.5)
    panel.form.advanced.seed.setValue(4)
    with qtbot.waitSignal(panel.tuned, timeout=LONG) as signal:
        panel.start_button.click()
        assert panel.start_button.text() == "Cancel"
        assert not panel.form.isEnabled()
    (request,) = job.requests
    assert (request.fields, request.minutes, request.options.seed) == (("f2",), 2.5, 4)
    assert (request.number, request.parent, request.go_on) == (1, None, None)
    finish(panel, qtbot)
    assert signal.args[0] is panel.latest
    assert [each.title for each in project.versions.all] == ["Version 1"]
    assert project.active_version is None  # not before a person says so
    assert panel.start_button.text() == "Start"
    assert "little to learn" in panel.status.text()
    assert panel.curves.points["validation"] == ([0, 4], [0.7, 0.8])


def test_train_longer_goes_on_from_the_newest(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, job = make_tuning()
    panel.start()
    finish(panel, qtbot)
    first = panel.latest
    panel.train_longer()
    finish(panel, qtbot)
    assert job.requests[1].go_on is first.result
    assert job.requests[1].parent == first.version.id
    assert [each.parent for each in project.versions.all] == [None, first.version.id]


def test_cancel_keeps_the_best_so_far(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, job = make_tuning(FakeTuning(hold=True))
    panel.start()
    qtbot.waitUntil(lambda: panel.tuning._stepped, timeout=LONG)
    with qtbot.waitSignal(panel.tuned, timeout=LONG):
        panel.cancel()
        assert panel.start_button.text() == "Stopping…"
    assert job.requests[0].enough.is_set()
    assert len(project.versions.all) == 1


@pytest.mark.parametrize("stepped", [False, True])
def test_cancelling_for_good_leaves_nothing(make_tuning, project, qtbot, stepped) -> None:
    review(project)
    _, panel, _ = make_tuning(FakeTuning(hold=True))
    with qtbot.assertNotEmitted(panel.tuned):
        panel.start()
        if stepped:
            qtbot.waitUntil(lambda: panel.tuning._stepped, timeout=LONG)
            panel.tuning._request.enough.set()  # as if pressed once, but not heard of yet
            panel.runner.cancel()
        panel.cancel()
        finish(panel, qtbot)
    assert panel.status.text() == CANCELLED
    if not stepped:
        assert project.versions.all == ()


def test_a_failure_is_said_and_start_is_back(make_tuning, project, qtbot, monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_selfreg.widgets.panel_job.show_error", said.append)
    review(project)
    _, panel, _ = make_tuning(FakeTuning(error=BadInputError("The picture is odd: look at it.")))
    panel.start()
    finish(panel, qtbot)
    assert said == ["The picture is odd: look at it."]
    assert panel.status.text() == said[0]
    assert panel.start_button.isEnabled()
    assert panel.latest is None


def test_steps_are_shown_where_they_were_given(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, _ = make_tuning()
    panel.steps = 4
    seen: list[tuple[int, int]] = []
    panel.tuning.progressed.connect(lambda done, total: seen.append((done, total)))
    panel.start()
    finish(panel, qtbot)
    assert seen[-1] == (4, 4)
    assert panel.progress_row.isHidden()


def test_events_arrive_in_order(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, _ = make_tuning()
    steps: list[int] = []
    panel.tuning.happened.connect(
        lambda events: steps.extend(e.step for e in events if isinstance(e, StepDone))
    )
    panel.start()
    finish(panel, qtbot)
    assert steps == [1, 2, 3, 4]


def test_a_project_open_elsewhere_is_not_trained_on(make_tuning, project, qtbot) -> None:
    review(project)
    viewer, panel, _ = make_tuning(opened=False)
    with Project.open(project.folder) as second:
        shared_for(viewer).set_project(second)
        assert not panel.start_button.isEnabled()
        assert panel.status.text() == second.reason
        shared_for(viewer).set_project(None)
    assert panel.about.text() == NO_PROJECT


def test_the_version_in_use_is_said(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, _ = make_tuning()
    assert "in use" not in panel.about.text()
    panel.start()
    finish(panel, qtbot)
    panel.outcome.comparison._wish.stop()
    assert "in use" not in panel.about.text()  # not before a person says so
    panel.outcome.use()
    assert panel.about.text().endswith("Version 1 is in use.")
    panel.outcome.put(None)
    assert "in use" not in panel.about.text()


def test_every_version_gets_the_next_number(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, job = make_tuning()
    for _ in range(2):
        panel.start()
        finish(panel, qtbot)
        panel.outcome.comparison._wish.stop()
    assert [request.number for request in job.requests] == [1, 2]
    assert [each.title for each in project.versions.all] == ["Version 1", "Version 2"]
    assert job.requests[1].parent is None  # started afresh, not from the first


def test_escape_and_ctrl_enter_do_what_the_button_does(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, job = make_tuning(FakeTuning(hold=True), show=True)
    panel.start_button.setFocus()
    keys = {shortcut.key().toString(): shortcut for shortcut in panel.findChildren(QShortcut)}
    keys["Ctrl+Return"].activated.emit()
    assert panel.runner.running
    qtbot.waitUntil(lambda: panel.tuning._stepped, timeout=LONG)
    keys["Esc"].activated.emit()
    finish(panel, qtbot)
    assert len(job.requests) == 1
    assert job.requests[0].enough.is_set()
    panel.outcome.comparison._wish.stop()


def test_a_second_start_while_one_runs_is_not_heard(make_tuning, project, qtbot) -> None:
    review(project)
    _, panel, job = make_tuning(FakeTuning(hold=True))
    panel.start()
    panel.start()
    panel.train_longer()
    job.go.set()
    finish(panel, qtbot)
    panel.outcome.comparison._wish.stop()
    assert len(job.requests) == 1


def test_closing_the_project_ends_the_run(make_tuning, project, qtbot) -> None:
    review(project)
    viewer, panel, _ = make_tuning(FakeTuning(hold=True))
    with qtbot.assertNotEmitted(panel.tuned):
        panel.start()
        qtbot.waitUntil(lambda: panel.tuning._stepped, timeout=LONG)
        shared_for(viewer).set_project(None)
        finish(panel, qtbot)
    assert panel.latest is None
    assert panel.outcome.verdict.isHidden()


def test_the_verdict_and_its_buttons_stand_above_the_curves(make_tuning, project, qtbot) -> None:
    review(project, "f2")
    _, panel, _ = make_tuning(show=True)
    with qtbot.waitSignal(panel.tuned, timeout=LONG):
        panel.start()
    finish(panel, qtbot)
    verdict = panel.outcome.verdict
    qtbot.waitUntil(lambda: verdict.isVisible() and verdict.height() > 50, timeout=LONG)
    assert panel.progress_row.geometry().bottom() < verdict.geometry().top()
    assert verdict.geometry().bottom() < panel.curves.geometry().top()
