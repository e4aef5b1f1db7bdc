"""What runs on pictures and on volumes have in common."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets import panel_job
from napari_selfreg.widgets.layer_run import CANCELLED, CHANGED, REMOVED, LayerRun, RunState
from napari_selfreg.widgets.sentences import STARTING, WAITING
from tests.widgets.fakes import make_card
from tests.widgets.waits import LONG


class Shapes(LayerRun):
    """Its request is a shape, its result a number."""

    fault: Exception | None = None

    def start(self, layer: Any) -> None:
        preview = SimpleNamespace(remove=lambda: self.told.emit("no preview"))
        self._begin(RunState(layer.unique_id, layer.data.shape, preview, make_card()))

    def _on_events(self, events: tuple[Event, ...]) -> None:
        self._tell("events")

    def _fits(self, request: Any, layer: Any) -> bool:
        return request == layer.data.shape

    def _add(self, run: RunState, layer: Any, result: int) -> str:
        if self.fault is not None:
            raise self.fault
        return f"{result} added"

    def _announce(self, run: RunState, layer: Any, added: str, result: int) -> str:
        return f"{added} to {layer.name}"


@pytest.fixture
def made(qtbot) -> Any:
    viewer, owner, gate = ViewerModel(), QWidget(), threading.Event()
    qtbot.addWidget(owner)
    layer = viewer.add_image(np.zeros((4, 5)), name="field")

    def job(shape: Any) -> Iterator[Event]:
        yield Progress(0, 1)
        while not gate.wait(0.01):
            yield Progress(0, 1)
        return len(shape)

    run, said = Shapes(viewer, owner, job), []
    run.told.connect(said.append)
    return SimpleNamespace(viewer=viewer, layer=layer, run=run, gate=gate, said=said, owner=owner)


def end_of(made: Any, qtbot: Any, change: Any) -> str:
    made.run.start(made.layer)
    qtbot.waitUntil(lambda: "events" in made.said, timeout=LONG)
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        change()
    return str(signal.args[0])


def test_a_result_is_added_and_the_preview_goes(made: Any, qtbot) -> None:
    assert end_of(made, qtbot, made.gate.set) == "2 added to field"
    assert made.said[:2] == [WAITING, STARTING]
    assert made.said[-1] == "no preview"


def test_what_cannot_be_added_is_told(made: Any, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(panel_job, "show_error", shown.append)
    made.run.fault = MemoryError()
    assert end_of(made, qtbot, made.gate.set) == shown[0]


def test_it_may_be_cancelled(made: Any, qtbot) -> None:
    assert end_of(made, qtbot, made.run.runner.cancel) == CANCELLED


def test_an_image_that_goes_ends_it(made: Any, qtbot) -> None:
    assert end_of(made, qtbot, made.viewer.layers.clear) == REMOVED


def test_an_image_that_became_another_gets_nothing(made: Any, qtbot) -> None:
    def change() -> None:
        made.layer.data = np.zeros((2, 2))
        made.gate.set()

    assert end_of(made, qtbot, change) == CHANGED
