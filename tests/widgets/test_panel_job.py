from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets import panel_job
from napari_selfreg.widgets.panel_job import PanelJob
from napari_selfreg.widgets.sentences import WAITING
from tests.widgets.waits import LONG


class Parrot(PanelJob):
    """Says what comes."""

    def start(self, *args: Any) -> None:
        self._start(*args)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self._tell(event.message)

    def _on_finished(self, result: Any) -> None:
        self._conclude(result)

    def _on_failed(self, error: Exception) -> None:
        self._tell_failure(error)

    def _on_cancelled(self) -> None:
        self._conclude("cancelled")


def say(words: str) -> Iterator[Event]:
    yield Progress(0, 1, words)
    return words.upper()


def fail(words: str) -> Iterator[Event]:
    yield Progress(0, 1, words)
    raise BadInputError(words)


@pytest.fixture
def owner(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


def heard(owner: QWidget, job: Any, qtbot: Any) -> list[str]:
    parrot, said = Parrot(owner, job), []
    parrot.told.connect(said.append)
    parrot.concluded.connect(said.append)
    with qtbot.waitSignal(parrot.concluded, timeout=LONG):
        parrot.start("hello")
    return said


def test_it_waits_says_what_comes_and_ends(owner: QWidget, qtbot) -> None:
    assert heard(owner, say, qtbot) == [WAITING, "hello", "HELLO"]


def test_a_failure_is_shown_and_ends_it(
    owner: QWidget, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(panel_job, "show_error", shown.append)
    assert heard(owner, fail, qtbot) == [WAITING, "hello", "hello"]
    assert shown == ["hello"]
