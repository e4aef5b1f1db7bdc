from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.engine.events import Event, Notice, Progress, StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BaseScored, Planned, RolledBack
from napari_selfreg.widgets import panel_job
from napari_selfreg.widgets.finetune.tuning import CANCELLED, KEEPING, KEPT, Tuning
from tests.widgets.waits import LONG

UNSTABLE = "The training became unstable: it went back and goes on with smaller steps."


def request(steps: int | None = None, minutes: float = 1.0) -> Any:
    """What of a request this class looks at."""
    return SimpleNamespace(
        steps=steps, minutes=minutes, enough=threading.Event(), dropped=threading.Event()
    )


class Heard:
    """Everything that is told, in order."""

    def __init__(self, tuning: Tuning) -> None:
        self.words: list[str] = []
        self.ends: list[str] = []
        self.parts: list[tuple[int, int]] = []
        self.results: list[Any] = []
        self.order: list[str] = []
        self.events: list[Event] = []
        tuning.happened.connect(self.events.extend)
        tuning.told.connect(self.words.append)
        tuning.concluded.connect(self.ends.append)
        tuning.progressed.connect(lambda done, total: self.parts.append((done, total)))
        tuning.tuned.connect(self.results.append)
        tuning.tuned.connect(lambda result: self.order.append("tuned"))
        tuning.concluded.connect(lambda words: self.order.append("concluded"))


@pytest.fixture
def make(qtbot, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(panel_job, "show_error", lambda words: None)
    owner = QWidget()
    qtbot.addWidget(owner)

    def run(job: Any) -> tuple[Tuning, Heard]:
        tuning = Tuning(owner, job)
        return tuning, Heard(tuning)

    yield run
    owner.close()


def wait(heard: Heard, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: bool(heard.ends), timeout=LONG)


def result_with(*notes: str) -> Any:
    return SimpleNamespace(result=SimpleNamespace(notes=notes))


def test_what_happens_is_said_while_it_happens(make, qtbot) -> None:
    gate = threading.Event()

    def job(asked: Any) -> Iterator[Event]:
        for event in (
            Progress(0, 0, "Preparing the fields"),
            BaseScored(0.7126, (0.7,)),
            StepDone(3, 0, {"total": 1.0}),
            Planned(40, 0.5),
            Planned(40, 0.0),
            StepDone(3, 40, {"total": 1.0}),
        ):
            gate.clear()
            yield event
            while not gate.wait(0.01):
                yield Progress(0, 0)
        return result_with()

    tuning, heard = make(job)
    tuning.start(request())
    for words in (
        "Preparing the fields…",
        "The old model scores 0.713 on what is held out. Learning…",
        "Learning: step 3",
        "Learning: about 40 steps fit into the time",
        None,
        "Learning: step 3 of about 40",
    ):
        before = heard.words[-1]
        if words is None:  # the length was given: there is nothing to tell
            qtbot.waitUntil(lambda: Planned(40, 0.0) in heard.events, timeout=LONG)
            assert heard.words[-1] == before
        else:
            qtbot.waitUntil(lambda words=words: heard.words[-1] == words, timeout=LONG)
        gate.set()
    wait(heard, qtbot)
    assert heard.order == ["tuned", "concluded"]
    assert heard.words[0].startswith("Waiting")


def test_notices_and_what_broke_are_said_once_at_the_end(make, qtbot) -> None:
    def job(asked: Any) -> Iterator[Event]:
        yield Notice("field 3 cannot be read. This field is left out.")
        yield StepDone(1, 4, {"total": 1.0})
        yield RolledBack(2, UNSTABLE)
        yield StepDone(3, 4, {"total": 1.0})
        return result_with(UNSTABLE, "No usable weights were found.")

    tuning, heard = make(job)
    tuning.start(request(steps=4))
    wait(heard, qtbot)
    (words,) = heard.ends
    assert words.startswith("field 3 cannot be read")
    assert words.count(UNSTABLE) == 1
    assert words.endswith("No usable weights were found.")


def test_what_was_said_of_one_run_is_not_said_of_the_next(make, qtbot) -> None:
    rounds: list[int] = []

    def job(asked: Any) -> Iterator[Event]:
        rounds.append(1)
        yield Notice("Only now.") if len(rounds) == 1 else Progress(0, 0)
        return result_with()

    tuning, heard = make(job)
    tuning.start(request())
    wait(heard, qtbot)
    qtbot.waitUntil(lambda: not tuning.runner.running, timeout=LONG)
    tuning.start(request())
    qtbot.waitUntil(lambda: len(heard.ends) == 2, timeout=LONG)
    assert heard.ends == ["Only now.", ""]


@pytest.mark.parametrize(("steps", "total"), [(8, 8), (None, 600)])
def test_progress_counts_steps_or_the_minutes(make, qtbot, steps, total) -> None:
    gate = threading.Event()

    def job(asked: Any) -> Iterator[Event]:
        yield StepDone(2, 8, {"total": 1.0})
        while not gate.wait(0.01):
            yield Progress(0, 0)
        return result_with()

    tuning, heard = make(job)
    tuning.start(request(steps=steps))
    qtbot.waitUntil(lambda: bool(heard.parts), timeout=LONG)
    gate.set()
    wait(heard, qtbot)
    assert {each[1] for each in heard.parts} == {total}
    assert all(0 <= done <= total for done, _ in heard.parts)
    if steps:
        assert heard.parts[-1] == (2, 8)


def endless(asked: Any) -> Iterator[Event]:
    """Steps until it is enough; then the best so far."""
    step = 0
    while not asked.enough.is_set():
        step += 1
        yield StepDone(step, 10**6, {"total": 1.0})
        threading.Event().wait(0.005)
    yield ValidationDone(step, 0.8, True)
    return result_with()


def test_cancelled_after_a_step_it_keeps_the_best_so_far(make, qtbot) -> None:
    tuning, heard = make(endless)
    asked = request()
    tuning.start(asked)
    assert not tuning.stopping
    qtbot.waitUntil(lambda: tuning._stepped, timeout=LONG)
    tuning.cancel()
    assert tuning.stopping
    assert heard.words[-1] == KEEPING
    wait(heard, qtbot)
    assert len(heard.results) == 1
    assert not asked.dropped.is_set()
    assert heard.words[-1] == KEEPING  # no later step talks over it
    assert not tuning.stopping


def test_cancelled_before_the_first_step_there_is_nothing_to_keep(make, qtbot) -> None:
    def job(asked: Any) -> Iterator[Event]:
        while True:
            yield Progress(0, 0, "Preparing the fields")
            threading.Event().wait(0.005)

    tuning, heard = make(job)
    asked = request()
    tuning.start(asked)
    qtbot.waitUntil(lambda: "Preparing the fields…" in heard.words, timeout=LONG)
    tuning.cancel()
    wait(heard, qtbot)
    assert heard.ends == [CANCELLED]
    assert asked.dropped.is_set()
    assert heard.results == []


def stubborn(asked: Any) -> Iterator[Event]:
    """Learn on and on, whatever was asked."""
    while True:
        yield StepDone(1, 9, {"total": 1.0})
        threading.Event().wait(0.005)


def test_cancelled_twice_it_drops_what_it_has(make, qtbot) -> None:
    tuning, heard = make(stubborn)
    asked = request()
    tuning.start(asked)
    qtbot.waitUntil(lambda: tuning._stepped, timeout=LONG)
    tuning.cancel()
    tuning.cancel()
    wait(heard, qtbot)
    assert heard.ends == [CANCELLED]
    assert asked.dropped.is_set()


def test_ended_by_its_panel_it_says_that_the_best_is_kept(make, qtbot) -> None:
    tuning, heard = make(stubborn)
    asked = request()
    tuning.start(asked)
    qtbot.waitUntil(lambda: tuning._stepped, timeout=LONG)
    tuning.runner.cancel()  # the project was closed
    wait(heard, qtbot)
    assert heard.ends == [KEPT]
    assert not asked.dropped.is_set()


def test_ended_by_its_panel_it_says_what_could_not_be_kept(make, qtbot) -> None:
    def unkept(asked: Any) -> Iterator[Event]:
        try:
            yield from stubborn(asked)
        except GeneratorExit:
            raise WriteError("The disk is full: free some space.") from None

    tuning, heard = make(unkept)
    tuning.start(request())
    qtbot.waitUntil(lambda: tuning._stepped, timeout=LONG)
    tuning.runner.cancel()
    wait(heard, qtbot)
    assert heard.ends == ["The disk is full: free some space."]


def test_a_failure_ends_with_its_sentence(make, qtbot) -> None:
    def job(asked: Any) -> Iterator[Event]:
        yield Notice("Something odd.")
        raise BadInputError("Too little is reviewed: review a larger region.")

    tuning, heard = make(job)
    tuning.start(request())
    wait(heard, qtbot)
    assert heard.ends == ["Too little is reviewed: review a larger region."]
    assert heard.results == []


def test_there_is_nothing_to_cancel_before_a_start(make) -> None:
    tuning, heard = make(endless)
    tuning.cancel()
    assert heard.words == []
    assert not tuning.stopping
