from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QApplication

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.added_models import added_models
from napari_selfreg.widgets.finetune.review_offer import ReviewOffer
from napari_selfreg.widgets.shared import shared_for
from tests.widgets.finetune.cases import review
from tests.widgets.waits import LONG


def tuned_panel(make_tuning, project, qtbot) -> Any:
    review(project)
    viewer, panel, job = make_tuning()
    panel.start()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    panel.outcome.comparison._wish.stop()
    return viewer, panel, job


def test_the_new_version_waits_for_a_decision(make_tuning, project, qtbot) -> None:
    _, panel, _ = tuned_panel(make_tuning, project, qtbot)
    assert not panel.outcome.verdict.isHidden()
    assert panel.outcome.verdict.use_button.isEnabled()
    assert project.active_version is None
    assert added_models() == []


def test_use_it_reaches_the_segment_panel(make_tuning, project, qtbot) -> None:
    viewer, panel, _ = tuned_panel(make_tuning, project, qtbot)
    version = panel.latest.version.id
    dropped: list[Path] = []
    shared_for(viewer).modelDropped.connect(dropped.append)
    panel.outcome.verdict.use_button.click()
    assert project.active_version == version
    assert dropped == [project.versions.path(version)]
    assert added_models() == [project.versions.path(version).resolve()]
    assert not panel.outcome.verdict.use_button.isEnabled()
    assert panel.form.base_picker.value().version == version
    assert "in use" in panel.status.text()


def test_use_it_brings_the_re_segmenting_right_below(make_tuning, project, qtbot) -> None:
    _, panel, _ = tuned_panel(make_tuning, project, qtbot)
    verdict, box = panel.outcome.verdict, panel.outcome.resegmenting
    assert not verdict.isAncestorOf(box)
    verdict.use_button.click()
    assert verdict.isAncestorOf(box)
    assert not box.isHidden()
    assert box.button.isEnabled()
    panel.outcome.keep_old()
    assert not verdict.isAncestorOf(box)
    assert not box.isHidden()
    panel.outcome.use()
    panel.outcome.forget()
    assert not verdict.isAncestorOf(box)


def test_what_runs_goes_on_where_its_button_moves(make_tuning, project, qtbot) -> None:
    _, panel, _ = tuned_panel(make_tuning, project, qtbot)

    def endless(request: object) -> Iterator[Event]:
        while True:
            yield Progress(0, 0)

    box = panel.outcome.resegmenting
    box._job = endless
    panel.outcome.use()
    box._start()
    panel.outcome.keep_old()
    QApplication.processEvents()
    assert box.runner.running
    assert not box.runner.cancelling
    box.runner.cancel()
    qtbot.waitUntil(lambda: not box.runner.running, timeout=LONG)


def test_keep_the_old_one_goes_back(make_tuning, project, qtbot) -> None:
    viewer, panel, _ = tuned_panel(make_tuning, project, qtbot)
    wanted: list[Path] = []
    shared_for(viewer).modelWanted.connect(wanted.append)
    panel.outcome.verdict.keep_button.click()
    assert project.active_version is None
    assert "kept under Versions" in panel.status.text()
    panel.outcome.use()
    panel.outcome.keep_old()
    assert project.active_version is None
    assert added_models() == []
    assert panel.outcome.verdict.use_button.isEnabled()


def test_of_a_project_only_the_version_in_use_is_listed(make_tuning, project, qtbot) -> None:
    _, panel, _ = tuned_panel(make_tuning, project, qtbot)
    panel.outcome.use()
    panel.train_longer()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    panel.outcome.comparison._wish.stop()
    panel.outcome.use()
    assert added_models() == [project.versions.path(panel.latest.version.id).resolve()]
    panel.outcome.keep_old()
    assert project.active_version == project.versions.all[0].id


def test_a_damaged_version_is_not_put_back(make_tuning, project, qtbot) -> None:
    _, panel, _ = tuned_panel(make_tuning, project, qtbot)
    project.versions.path(panel.latest.version.id).write_bytes(b"x")
    panel.outcome.use()
    assert project.active_version is None
    assert "damaged" in panel.status.text()


def test_train_longer_compares_with_the_same_old_model(make_tuning, project, qtbot) -> None:
    _, panel, job = tuned_panel(make_tuning, project, qtbot)
    panel.outcome.use()
    panel.outcome.verdict.longer_button.click()
    assert panel.outcome.verdict.isHidden()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    panel.outcome.comparison._wish.stop()
    assert job.requests[1].base == job.requests[0].base


@pytest.mark.parametrize("fails", [True, False])
def test_a_run_that_leads_to_nothing_takes_no_verdict_away(
    make_tuning, project, qtbot, fails: bool
) -> None:
    _, panel, job = tuned_panel(make_tuning, project, qtbot)
    panel.outcome.use()
    first = panel.latest
    job.error = BadInputError("The disk is full: make room.") if fails else None
    job.hold = not fails
    panel.outcome.verdict.longer_button.click()
    assert panel.outcome.verdict.isHidden()
    if not fails:
        qtbot.waitUntil(lambda: panel.tuning._stepped, timeout=LONG)
        panel.cancel()
        panel.cancel()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    assert panel.latest is first
    assert panel._before == (None, None)  # not kept beyond its use
    assert not panel.outcome.verdict.isHidden()
    assert not panel.outcome.comparison.isHidden()
    assert not panel.outcome.comparison.busy
    assert panel.curves.isHidden()
    job.error, job.hold = None, False
    panel.outcome.verdict.longer_button.click()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    panel.outcome.comparison._wish.stop()
    assert job.requests[2].go_on is first.result
    panel.outcome.keep_old()
    assert project.active_version == first.version.id


def test_another_project_takes_the_verdict_away(make_tuning, project, qtbot) -> None:
    viewer, panel, _ = tuned_panel(make_tuning, project, qtbot)
    shared_for(viewer).set_project(None)
    assert panel.outcome.verdict.isHidden()
    assert panel.latest is None
    assert not panel.outcome.bring_back()
    assert not panel.outcome.resegmenting.isVisible()


def test_corrected_fields_are_taken_as_done_when_asked(make_tuning, project, qtbot) -> None:
    viewer, panel, _ = make_tuning()
    assert "2 fields were corrected" in panel.offer.question()
    edited: list[tuple[str, ...]] = []
    shared_for(viewer).projectEdited.connect(edited.append)
    panel.offer.button.click()
    assert edited == [("f1", "f2")]
    assert panel.offer.isHidden()
    assert panel.start_button.isEnabled()


def test_without_a_question_the_offer_hides(qtbot) -> None:
    offer = ReviewOffer()
    qtbot.addWidget(offer)
    offer.ask("Is it so?")
    assert not offer.isHidden()
    offer.ask("")
    assert offer.isHidden()
