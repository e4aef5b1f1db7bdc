"""Of small jobs only the newest counts."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Progress
from napari_selfreg.widgets.latest import Latest
from tests.widgets.waits import LONG


@pytest.fixture
def latest(qtbot) -> Latest:
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    found = Latest(owner)
    found.owner = owner  # keeps it alive
    return found


def slow(gate: threading.Event, value: int):
    while not gate.wait(0.01):
        yield Progress(0, 0)
    yield Progress(1, 1)
    return value


def broken():
    yield Progress(0, 0)
    raise RuntimeError("no")


def test_only_the_last_of_many_is_told(latest: Latest, qtbot) -> None:
    gate, results = threading.Event(), []
    latest.done.connect(results.append)
    for value in range(5):
        latest.submit(slow, gate, value)
    gate.set()
    qtbot.waitUntil(lambda: not latest.running, timeout=LONG)
    assert results == [4]


def test_a_failure_does_not_stop_the_next(latest: Latest, qtbot) -> None:
    gate = threading.Event()
    gate.set()
    with qtbot.waitSignal(latest.failed, timeout=LONG) as failed:
        latest.submit(broken)
    assert isinstance(failed.args[0], Exception)
    qtbot.waitUntil(lambda: not latest.running, timeout=LONG)
    with qtbot.waitSignal(latest.done, timeout=LONG) as signal:
        latest.submit(slow, gate, 7)
    assert signal.args == [7]


def test_what_is_cleared_is_never_told(latest: Latest, qtbot) -> None:
    gate, results = threading.Event(), []
    latest.done.connect(results.append)
    latest.submit(slow, gate, 1)
    latest.submit(slow, gate, 2)
    latest.clear()
    qtbot.waitUntil(lambda: not latest.running, timeout=LONG)
    assert results == []
