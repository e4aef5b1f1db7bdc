from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.verdict import verdict
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.widgets.finetune.advanced import TuneOptions
from napari_selfreg.widgets.finetune.careful import (
    GAVE_WAY,
    MAKES_WAY,
    STOPPING,
    in_progress,
    run_check,
)
from napari_selfreg.widgets.finetune.job import TuneRequest
from napari_selfreg.widgets.finetune.outcome import CHECKED_MINUTES, UNFINISHED
from napari_selfreg.widgets.finetune.source import ProjectCorrections
from napari_selfreg.widgets.finetune.verdict_view import CHECK, HEADLINES, ONE_REGION, STOP
from napari_selfreg.widgets.runner import JobRunner
from tests.bundles import tiny_bundle
from tests.widgets.finetune.cases import review, verdicts
from tests.widgets.finetune.test_resegmenting import fake_job
from tests.widgets.waits import LONG


@pytest.fixture
def panel(make_tuning, project, qtbot) -> Any:
    """A panel with a finished fine-tuning."""
    review(project)
    _, made, _ = make_tuning(show=True)
    made.start()
    qtbot.waitUntil(lambda: not made.runner.running, timeout=LONG)
    made.outcome.comparison._wish.stop()
    return made


def set_job(panel: Any, end: Any) -> list[tuple[Any, int]]:
    asked: list[tuple[Any, int]] = []

    def job(request: TuneRequest, steps: int) -> Iterator[Event]:
        asked.append((request, steps))
        yield Progress(1, 4, "Comparing region by region")
        if isinstance(end, Exception):
            raise end
        while end is None or not isinstance(end, SimpleNamespace):
            yield Progress(2, 4, "Comparing region by region")
            if request.enough.is_set() and end is not None:
                return SimpleNamespace(verdict=end)
        return end

    panel.outcome.check._job = job
    return asked


def wait(panel: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not panel.outcome.check.runner.running, timeout=LONG)


def test_the_stricter_verdict_replaces_the_first(panel, project, qtbot) -> None:
    worse = verdicts()["worse"]
    asked = set_job(panel, SimpleNamespace(verdict=worse))
    assert panel.outcome.verdict.headline.text() == HEADLINES["better"]
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    view = panel.outcome.verdict
    assert view.headline.text() == HEADLINES["worse"]
    assert view.checking.text() == f"Region by region. {worse.sentence}"
    assert view.use_button.isEnabled()
    facts = project.versions.all[0].facts
    assert (facts["verdict"], facts["steps"]) == ("worse", 4)
    assert [steps for _, steps in asked] == [4]


def test_it_can_be_stopped_and_use_it_works_meanwhile(panel, project, qtbot) -> None:
    set_job(panel, None)
    panel.outcome.verdict.check_button.click()
    qtbot.waitUntil(lambda: "50 %" in panel.outcome.verdict.checking.text(), timeout=LONG)
    panel.outcome.verdict.use_button.click()
    assert project.active_version == panel.latest.version.id
    panel.outcome.verdict.check_button.click()
    assert panel.outcome.verdict.checking.text() == STOPPING
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    assert panel.outcome.verdict.checking.isHidden()
    assert panel.outcome.verdict.check_button.text() == CHECK
    assert panel.outcome.verdict.headline.text() == HEADLINES["better"]


def test_stopped_early_it_says_what_the_finished_regions_say(panel, project, qtbot) -> None:
    worse = verdicts()["worse"]
    set_job(panel, worse)
    button = panel.outcome.verdict.check_button
    button.click()
    assert button.text() == STOP
    qtbot.waitUntil(lambda: "50 %" in panel.outcome.verdict.checking.text(), timeout=LONG)
    button.click()
    wait(panel, qtbot)
    assert panel.outcome.verdict.headline.text() == HEADLINES["worse"]
    assert project.versions.all[0].facts["verdict"] == "worse"
    assert button.text() == CHECK


def quick_comparison(panel: Any, qtbot: Any) -> Any:
    def job(request: object) -> Iterator[Event]:
        yield Progress(0, 0)

    made = panel.outcome.comparison
    qtbot.waitUntil(lambda: not made.runner.running, timeout=LONG)  # it may have begun by itself
    made._job = job
    return made


def checking(panel: Any, qtbot: Any) -> None:
    """Check until somebody wants it to end; the finished regions say worse."""
    set_job(panel, verdicts()["worse"])
    panel.outcome.verdict.check_button.click()
    qtbot.waitUntil(lambda: "50 %" in panel.outcome.verdict.checking.text(), timeout=LONG)


def test_it_makes_way_for_a_re_segment_and_keeps_what_it_knows(panel, project, qtbot) -> None:
    checking(panel, qtbot)
    box = panel.outcome.resegmenting
    box._job = fake_job
    panel.outcome.verdict.use_button.click()
    box.button.click()
    assert not panel.outcome.check.stopped  # nothing starts before the question is answered
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.question.replace_button.click()
        assert box.status.text() == MAKES_WAY
        assert panel.outcome.verdict.checking.text() == STOPPING
    assert "2 fields changed." in box.status.text()
    assert panel.outcome.verdict.headline.text() == HEADLINES["worse"]
    assert project.versions.all[0].facts["verdict"] == "worse"


def test_it_makes_way_for_a_comparison(panel, qtbot) -> None:
    comparison = quick_comparison(panel, qtbot)
    checking(panel, qtbot)
    with qtbot.waitSignal(comparison.compared, timeout=LONG):
        comparison.button.click()
        assert comparison.status.text() == MAKES_WAY
    assert panel.outcome.verdict.headline.text() == HEADLINES["worse"]


def test_it_makes_way_for_any_other_job(panel, qtbot) -> None:
    def job() -> Iterator[Event]:
        yield Progress(0, 0)

    checking(panel, qtbot)
    other = JobRunner(panel)
    with qtbot.waitSignal(other.finished, timeout=LONG):
        other.start(job)
        assert panel.outcome.verdict.checking.text() == STOPPING
    assert panel.outcome.verdict.headline.text() == HEADLINES["worse"]


@pytest.mark.parametrize(
    ("minutes", "steps", "begins"), [(CHECKED_MINUTES, None, True), (1.0, None, False),
                                     (CHECKED_MINUTES, 20, False)]
)  # fmt: skip
def test_with_more_minutes_it_begins_by_itself(
    panel, project, qtbot, minutes, steps, begins
) -> None:
    worse = verdicts()["worse"]
    comparison = quick_comparison(panel, qtbot)
    asked = set_job(panel, SimpleNamespace(verdict=worse))
    panel.form.minutes.setValue(minutes)
    panel.steps = steps
    # Small fields are compared by themselves; the check must not be ended by that.
    with qtbot.waitSignal(comparison.compared, timeout=LONG):
        panel.start()
    qtbot.waitUntil(lambda: len(asked) == begins, timeout=LONG)
    wait(panel, qtbot)
    assert not panel.outcome.check.stopped
    assert panel.outcome.verdict.headline.text() == HEADLINES["worse" if begins else "better"]


@pytest.fixture
def due(panel, qtbot) -> Iterator[SimpleNamespace]:
    """A check that begins by itself as soon as the comparison may end; its regions say worse."""
    go, comparison = threading.Event(), quick_comparison(panel, qtbot)

    def job(request: object) -> Iterator[Event]:
        yield Progress(0, 0)
        while not go.wait(0.01):
            yield Progress(0, 0)

    comparison._job = job
    asked = set_job(panel, SimpleNamespace(verdict=verdicts()["worse"]))
    panel.form.minutes.setValue(CHECKED_MINUTES)
    panel.start()
    qtbot.waitUntil(lambda: comparison.runner.running, timeout=LONG)

    def end() -> None:
        go.set()
        qtbot.waitUntil(lambda: not comparison.runner.running, timeout=LONG)
        wait(panel, qtbot)

    yield SimpleNamespace(panel=panel, asked=asked, comparison=comparison, end=end)
    go.set()


def test_a_check_that_is_due_waits_for_the_comparison(due) -> None:
    assert due.asked == []
    due.end()
    assert len(due.asked) == 1
    assert due.panel.outcome.verdict.headline.text() == HEADLINES["worse"]


def test_what_is_due_is_forgotten_with_the_verdict(due) -> None:
    due.panel.outcome.forget()
    due.panel.outcome.tuned = due.panel.latest
    due.end()
    assert due.asked == []


def test_whoever_asks_for_it_herself_gets_one_check_not_none(due) -> None:
    due.panel.outcome.verdict.check_button.click()
    due.end()
    assert len(due.asked) == 1
    assert due.panel.outcome.verdict.headline.text() == HEADLINES["worse"]


def test_nothing_begins_in_a_panel_that_was_closed(due) -> None:
    due.panel.window().hide()
    due.end()
    assert due.asked == []


def test_whoever_stopped_the_training_is_not_kept_waiting(panel, qtbot) -> None:
    quick_comparison(panel, qtbot)
    asked = set_job(panel, SimpleNamespace(verdict=verdicts()["worse"]))
    panel.form.minutes.setValue(CHECKED_MINUTES)
    result = replace(panel.latest.result, stopped=True)
    panel.start()
    panel.tuning.tuned.disconnect(panel._on_tuned)
    panel.tuning.tuned.connect(lambda tuned: panel._on_tuned(replace(tuned, result=result)))
    qtbot.waitUntil(lambda: panel.latest is not None, timeout=LONG)
    quick_comparison(panel, qtbot)
    wait(panel, qtbot)
    assert asked == []


def test_before_its_turn_it_goes_without_having_looked_at_anything(panel, qtbot) -> None:
    go = threading.Event()

    def long(go: threading.Event) -> Iterator[Event]:
        while not go.wait(0.01):
            yield Progress(0, 0)

    first, second = JobRunner(panel), JobRunner(panel)
    asked = set_job(panel, SimpleNamespace(verdict=verdicts()["worse"]))
    first.start(long, go)
    panel.outcome.verdict.check_button.click()
    second.start(long, go)
    assert panel.outcome.verdict.checking.text() == GAVE_WAY
    go.set()
    wait(panel, qtbot)
    qtbot.waitUntil(lambda: not second.running, timeout=LONG)
    assert asked == []
    assert panel.outcome.verdict.checking.text() == GAVE_WAY
    assert panel.outcome.verdict.check_button.text() == CHECK


def test_a_few_regions_do_not_outweigh_the_first_verdict(panel, project, qtbot) -> None:
    few = verdict([0.5], [0.4])
    assert few.kind == "cannot tell"
    set_job(panel, few)
    panel.outcome.verdict.check_button.click()
    qtbot.waitUntil(lambda: "50 %" in panel.outcome.verdict.checking.text(), timeout=LONG)
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    view = panel.outcome.verdict
    assert view.headline.text() == HEADLINES["better"]
    assert view.checking.text() == f"So far, region by region: {few.sentence}"
    assert project.versions.all[0].facts["verdict"] == "better"


def test_where_nothing_is_checked_nothing_has_to_end(panel, qtbot) -> None:
    comparison = quick_comparison(panel, qtbot)
    with qtbot.waitSignal(comparison.compared, timeout=LONG):
        comparison.button.click()
        assert comparison.status.text() == "Waiting until another job has ended…"
    assert panel.outcome.verdict.checking.isHidden()


def test_stopped_before_any_region_the_first_verdict_stands(panel, project, qtbot) -> None:
    set_job(panel, verdict([], []))
    panel.outcome.verdict.check_button.click()
    qtbot.waitUntil(lambda: "50 %" in panel.outcome.verdict.checking.text(), timeout=LONG)
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    assert panel.outcome.verdict.checking.text() == UNFINISHED
    assert panel.outcome.verdict.headline.text() == HEADLINES["better"]
    assert project.versions.all[0].facts["verdict"] == "better"


def test_with_nothing_to_leave_out_the_first_verdict_stands(panel, project, qtbot) -> None:
    set_job(panel, SimpleNamespace(verdict=verdict([], [])))
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    assert panel.outcome.verdict.checking.text() == ONE_REGION
    assert panel.outcome.verdict.headline.text() == HEADLINES["better"]
    assert project.versions.all[0].facts["verdict"] == "better"


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 60.0, "Comparing: 0 %"),
        (5, 1.0, "Comparing: 25 %"),
        (5, 10.0, "Comparing: 25 %, about 30 s left"),
        (5, 100.0, "Comparing: 25 %, about 5 min left"),
        (20, 100.0, "Comparing: 100 %, about 0 s left"),
    ],
)
def test_how_long_it_still_takes(done: int, seconds: float, words: str) -> None:
    assert in_progress(Progress(done, 20, "Comparing"), seconds) == words


def test_a_failure_is_said(panel, qtbot) -> None:
    set_job(panel, BadInputError("The region is odd: draw it again."))
    panel.outcome.verdict.check_button.click()
    wait(panel, qtbot)
    assert panel.outcome.verdict.checking.text() == "The region is odd: draw it again."


def test_steps_of_train_longer_add_up(panel, qtbot) -> None:
    panel.train_longer()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    panel.outcome.comparison._wish.stop()
    asked = set_job(panel, SimpleNamespace(verdict=verdicts()["better"]))
    panel.outcome.check_carefully()
    wait(panel, qtbot)
    assert [steps for _, steps in asked] == [8]


def test_the_engine_holds_out_regions(project, tmp_path: Path) -> None:
    for each in ("f1", "f2"):
        review(project, each)
    base = tiny_bundle(tmp_path / "tiny.safetensors")
    request = TuneRequest(
        ProjectCorrections(project),
        ("f1", "f2"),
        base,
        None,
        1,
        options=TuneOptions(device="cpu"),
    )
    result = run(run_check(request, 1))
    assert len(result.base_scores) == len(result.tuned_scores) == 2
    assert result.verdict.n == 2
