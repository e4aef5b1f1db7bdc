from __future__ import annotations

import gc

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets import collector, runner
from napari_selfreg.widgets.collector import Collector
from napari_selfreg.widgets.runner import JobRunner


class Loop:
    """Garbage that only a search finds."""

    def __init__(self, gone: list[str]) -> None:
        self.me = self
        self._gone = gone

    def __del__(self) -> None:
        self._gone.append("gone")


@pytest.mark.usefixtures("python_collects")
def test_python_collects_before_and_after(qapp) -> None:
    taken = Collector()
    assert not taken.active
    taken.start()
    taken.start()
    assert taken.active
    assert not gc.isenabled()
    taken.stop()
    taken.stop()
    assert not taken.active
    assert gc.isenabled()


def test_who_has_switched_it_off_keeps_it_off(qapp, python_collects) -> None:
    gc.disable()
    taken = Collector()
    taken.start()
    taken.stop()
    assert not gc.isenabled()


@pytest.mark.usefixtures("python_collects")
def test_garbage_goes_while_it_collects(qtbot) -> None:
    gc.collect()
    taken, gone, held = Collector(), [], []
    taken.start()
    Loop(gone)
    held.extend([] for _ in range(2 * gc.get_threshold()[0]))
    qtbot.waitUntil(lambda: gone == ["gone"])
    taken.stop()


@pytest.mark.usefixtures("python_collects")
def test_everything_is_searched_now_and_then(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(collector, "FULL_INTERVAL_S", 0.0)
    gone: list[str] = []
    loop = Loop(gone)
    gc.collect()  # it is old now
    for _ in range(gc.get_threshold()[2] + 1):
        gc.collect(1)
    taken = Collector()
    taken.start()
    del loop
    qtbot.waitUntil(lambda: gone == ["gone"])
    taken.stop()


@pytest.mark.usefixtures("python_collects")
def test_it_collects_while_jobs_run(qtbot) -> None:
    def job():
        yield gc.isenabled()

    runner.stop_all_jobs()
    owner = QWidget()
    qtbot.addWidget(owner)
    first, second = JobRunner(owner, "engine"), JobRunner(owner, "files")
    seen: list[tuple] = []
    for each in (first, second):
        each.received.connect(seen.append)
    with qtbot.waitSignals([first.finished, second.finished]):
        first.start(job)
        second.start(job)
    assert seen == [(False,), (False,)]
    qtbot.waitUntil(gc.isenabled)
