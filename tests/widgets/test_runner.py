from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets import runner as runner_module
from napari_selfreg.widgets.runner import JobRunner
from tests.widgets.waits import LONG


class Probe:
    """What the jobs of these tests did, and in which thread."""

    def __init__(self) -> None:
        self.closed_in: str | None = None
        self.steps = 0


def counting(n: int, probe: Probe, pause_s: float = 0.0) -> Iterator[Event]:
    try:
        for index in range(n):
            probe.steps = index + 1
            yield Progress(index + 1, n)
            time.sleep(pause_s)
    finally:
        probe.closed_in = threading.current_thread().name
    return "the result"


def failing(error: BaseException) -> Iterator[Event]:
    yield Progress(0, 1)
    raise error


@pytest.fixture
def owner(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def runner(owner: QWidget, qtbot) -> Iterator[JobRunner]:
    made = JobRunner(owner)
    yield made
    runner_module.stop_all_jobs()


def recorded(runner: JobRunner) -> list[tuple]:
    log: list[tuple] = []
    runner.received.connect(lambda events: log.append(("received", events)))
    runner.finished.connect(lambda result: log.append(("finished", result)))
    runner.failed.connect(lambda error: log.append(("failed", error)))
    runner.cancelled.connect(lambda: log.append(("cancelled",)))
    return log


def test_all_events_arrive_in_order_before_the_result(runner, qtbot) -> None:
    log = recorded(runner)
    with qtbot.waitSignal(runner.finished, timeout=LONG):
        runner.start(counting, 500, Probe())
        assert runner.running
    assert not runner.running
    assert log[-1] == ("finished", "the result")
    events = [event for name, batch in log[:-1] for event in batch]
    assert [event.done for event in events] == list(range(1, 501))


class Bundling:
    """A runner with a clock and a timer that only a test moves on; in milliseconds."""

    def __init__(self, runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.started, self.batches = 0, [], []
        self._runner, self._active = runner, False
        timer = SimpleNamespace(isActive=lambda: self._active, start=self._start)
        monkeypatch.setattr(runner, "_flush_timer", timer)
        clock = SimpleNamespace(monotonic=lambda: self.now / 1000)
        monkeypatch.setattr(runner_module, "time", clock)
        runner.received.connect(lambda events: self.batches.append([each.done for each in events]))

    def _start(self, wait_ms: int) -> None:
        self._active = True
        self.started.append(self.now + wait_ms)

    def come(self, *times: int) -> None:
        """Let events come, each of which says when."""
        for self.now in times:
            if self._active and self.started[-1] <= self.now:
                self.fire()
            self._runner._collect(Progress(self.now, 0))

    def fire(self) -> None:
        now, self.now, self._active = self.now, self.started[-1], False
        self._runner._flush()
        self.now = now


def test_events_are_bundled_to_five_times_per_second(runner, monkeypatch) -> None:
    bundling = Bundling(runner, monkeypatch)
    bundling.come(1000, 1050, 1100, 1250, 1399, 1400, 9000)
    bundling.fire()
    assert bundling.started == [1000, 1200, 1400, 1600, 9000]  # the first comes at once
    assert bundling.batches == [[1000], [1050, 1100], [1250, 1399], [1400], [9000]]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        ValueError("no"),
        StopIteration(),
        SystemExit(1),
        KeyboardInterrupt(),
        GeneratorExit(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_error_is_told_and_logged(runner, qtbot, caplog, error: BaseException) -> None:
    log = recorded(runner)
    with caplog.at_level(logging.ERROR), qtbot.waitSignal(runner.failed, timeout=LONG):
        runner.start(failing, error)
    assert [entry[0] for entry in log] == ["received", "failed"]
    told = log[-1][1]
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        assert told is error
    else:  # panels are told of exceptions only
        assert isinstance(told, RuntimeError)
        assert told.__cause__ is error
    assert "Traceback" in caplog.text
    with qtbot.waitSignal(runner.finished, timeout=LONG):
        runner.start(counting, 1, Probe())


def test_cancel_ends_the_job_and_closes_it_in_its_thread(runner, qtbot) -> None:
    probe, log = Probe(), recorded(runner)
    runner.start(counting, 10_000, probe, 0.005)
    qtbot.waitUntil(lambda: probe.steps > 3, timeout=LONG)
    with qtbot.waitSignal(runner.cancelled, timeout=LONG):
        runner.cancel()
        assert runner.cancelling
    assert [entry[0] for entry in log if entry[0] != "received"] == ["cancelled"]
    assert probe.closed_in not in (None, threading.main_thread().name)
    assert not runner.running


def test_a_second_job_waits_for_its_turn(owner, runner, qtbot) -> None:
    probe, other = Probe(), JobRunner(owner)
    turns: list[int] = []
    other.started.connect(lambda: turns.append(probe.steps))
    with qtbot.waitSignals([runner.finished, other.finished], timeout=LONG):
        runner.start(counting, 20, probe, 0.005)
        other.start(counting, 1, Probe())
    assert turns == [20]
    runner.start(counting, 1000, probe, 0.01)
    with pytest.raises(RuntimeError, match="already"):
        runner.start(counting, 1, probe)


def test_a_job_learns_that_another_waits_for_it(owner, runner, qtbot) -> None:
    following, elsewhere = JobRunner(owner), JobRunner(owner, lane="files")
    told: list[str] = []
    runner.awaited.connect(lambda: told.append("first"))
    following.awaited.connect(lambda: told.append("second"))
    runner.start(counting, 1000, Probe(), 0.01)
    elsewhere.start(counting, 1, Probe())
    assert told == []
    following.start(counting, 1, Probe())
    assert told == ["first"]
    with qtbot.waitSignal(following.finished, timeout=LONG):
        runner.cancel()


def test_taking_an_ancestor_out_of_the_window_cancels(qtbot) -> None:
    window, middle, owner = QMainWindow(), QWidget(), QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(middle).addWidget(owner)
    window.setCentralWidget(middle)
    window.show()
    runner, probe = JobRunner(owner), Probe()
    runner.start(counting, 10_000, probe, 0.005)
    qtbot.waitUntil(lambda: probe.steps > 1, timeout=LONG)
    owner.hide()
    assert not runner._close_timer.isActive()
    hidden_at = probe.steps
    qtbot.waitUntil(lambda: probe.steps > hidden_at + 3, timeout=LONG)
    assert not runner.cancelling
    with qtbot.waitSignal(runner.cancelled, timeout=LONG):
        middle.setParent(None)
    qtbot.addWidget(middle)


def test_closing_the_window_cancels_but_a_refused_closing_does_not(qtbot) -> None:
    class Stubborn(QMainWindow):
        stays = True

        def closeEvent(self, event) -> None:
            event.setAccepted(not self.stays)

    window, owner = Stubborn(), QWidget()
    qtbot.addWidget(window)
    window.setCentralWidget(owner)
    window.show()
    runner, probe = JobRunner(owner), Probe()
    runner.start(counting, 10_000, probe, 0.005)
    window.close()
    assert runner._close_timer.isActive()
    qtbot.waitUntil(lambda: not runner._close_timer.isActive(), timeout=LONG)
    assert runner.running
    assert not runner.cancelling
    window.stays = False
    with qtbot.waitSignal(runner.cancelled, timeout=LONG):
        window.close()


def test_deleting_the_owner_ends_the_job_quietly(qtbot) -> None:
    owner, probe = QWidget(), Probe()
    runner = JobRunner(owner)
    runner.start(counting, 10_000, probe, 0.005)
    qtbot.waitUntil(lambda: probe.steps > 1, timeout=LONG)
    owner.deleteLater()
    del runner, owner
    qtbot.waitUntil(lambda: probe.closed_in is not None, timeout=LONG)
    qtbot.waitUntil(lambda: not runner_module._workers, timeout=LONG)


def test_stop_all_jobs_waits_for_the_thread(runner, qtbot) -> None:
    probe = Probe()
    runner.start(counting, 10_000, probe, 0.005)
    qtbot.waitUntil(lambda: probe.steps > 1, timeout=LONG)
    runner_module.stop_all_jobs()
    assert probe.closed_in is not None


class Picture:
    """Something large that a job is handed."""


def looking(picture: Picture) -> Iterator[Event]:
    yield Progress(1, 1)


def looking_in_vain(picture: Picture) -> Iterator[Event]:
    yield Progress(1, 1)
    raise ValueError("no")


@pytest.mark.parametrize("job", [looking, looking_in_vain])
def test_what_a_job_was_handed_does_not_outlive_it(runner, qtbot, monkeypatch, job) -> None:
    monkeypatch.setattr(runner_module.logger, "error", lambda *_, **__: None)  # pytest keeps it
    gone = []
    for _ in range(20):  # not every worker is kept
        picture = Picture()
        gone.append(weakref.ref(picture))
        runner.start(job, picture)
        del picture
        qtbot.waitUntil(lambda: not runner.running, timeout=LONG)

    def are_gone() -> bool:
        gc.collect()
        return not any(each() for each in gone)

    qtbot.waitUntil(are_gone, timeout=LONG)


def held(gate: threading.Event) -> Iterator[Event]:
    while not gate.wait(0.01):
        yield Progress(0, 1)


def test_lanes_do_not_wait_for_each_other(owner: QWidget, runner: JobRunner, qtbot) -> None:
    gate, files = threading.Event(), JobRunner(owner, "files")
    runner.start(held, gate)
    with qtbot.waitSignal(files.finished, timeout=LONG):
        files.start(counting, 3, Probe())
    assert runner.running
    with qtbot.waitSignal(runner.finished, timeout=LONG):
        gate.set()
