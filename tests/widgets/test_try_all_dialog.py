from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io import terms
from napari_selfreg.widgets import try_all_dialog
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.segment_job import PanelRequest
from napari_selfreg.widgets.try_all import Candidate, Tried, TryRequest
from napari_selfreg.widgets.try_all_dialog import TryAllDialog
from tests.widgets.fakes import make_card
from tests.widgets.pictures import colour, shown
from tests.widgets.waits import LONG

FIRST, SECOND = Path("first"), Path("second")


@pytest.fixture
def request_for_two() -> TryRequest:
    viewer, layer = shown(colour(20, 20))
    size = PixelSize.isotropic(1)
    request = PanelRequest(picture_of(viewer, layer), Box(0, 0, 20, 20), None, size, FIRST, "cpu")
    return TryRequest(
        request,
        (
            Candidate(FIRST, make_card(name="first", title="First", tissue="H&E")),
            Candidate(SECOND, make_card(name="second", title="Second"), "Too coarse."),
        ),
    )


def quick(request: TryRequest) -> Iterator[Event]:
    yield Progress(0, 0, "Trying First")
    yield Tried(FIRST, np.full((340, 200, 3), 9, np.uint8), "12 objects, 0.1 s")


def test_tiles_show_results_or_reasons(request_for_two: TryRequest, qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = TryAllDialog(request_for_two, parent, quick)
    assert "Too coarse." in dialog.tiles[SECOND].text()
    qtbot.waitUntil(lambda: "12 objects" in dialog.tiles[FIRST].text(), timeout=LONG)
    assert dialog.tiles[FIRST].text().startswith("First\n")
    assert "H&&E" in dialog.tiles[FIRST].text()
    assert "H&E" in dialog.tiles[FIRST].accessibleName()
    middle = dialog.tiles[FIRST].icon().pixmap(340, 340).toImage().pixelColor(170, 170)
    assert middle.red() == 9
    qtbot.waitUntil(lambda: "Click" in dialog.status.text(), timeout=LONG)


def test_a_click_chooses_and_stops_the_rest(request_for_two: TryRequest, qtbot) -> None:
    began, closed = threading.Event(), threading.Event()

    def slow(request: TryRequest) -> Iterator[Event]:
        began.set()
        try:
            while True:
                time.sleep(0.002)
                yield Progress(0, 0)
        finally:
            closed.set()

    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = TryAllDialog(request_for_two, parent, slow)
    dialog.show()
    qtbot.waitUntil(began.is_set, timeout=LONG)
    with qtbot.waitSignal(dialog.chosen) as signal:
        dialog.tiles[SECOND].click()
    assert signal.args == [SECOND]
    assert not dialog.isVisible()
    qtbot.waitUntil(closed.is_set, timeout=LONG)


def test_terms_are_read_where_models_are_tried(
    request_for_two: TryRequest, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = request_for_two.candidates
    unread = replace(second, reason="Research only. Click to accept", unread=True)
    answers, tried = [False, True], []

    def job(request: TryRequest) -> Iterator[Event]:
        for each in request.candidates:
            if not each.reason:
                tried.append(each.path)
                yield Tried(each.path, None, "2 objects, 0.1 s")

    parent = QWidget()
    qtbot.addWidget(parent)
    monkeypatch.setattr(try_all_dialog, "ask_terms", lambda *_: answers.pop(0))
    dialog = TryAllDialog(replace(request_for_two, candidates=(first, unread)), parent, job)
    dialog.show()
    qtbot.waitUntil(lambda: tried == [FIRST], timeout=LONG)
    dialog.tiles[SECOND].click()  # she reads, and declines
    assert "Research only." in dialog.tiles[SECOND].text()
    assert terms.needs_notice("second")
    dialog.tiles[SECOND].click()
    qtbot.waitUntil(lambda: "2 objects" in dialog.tiles[SECOND].text(), timeout=LONG)
    assert tried == [FIRST, SECOND]
    assert not terms.needs_notice("second")
    with qtbot.waitSignal(dialog.chosen):
        dialog.tiles[SECOND].click()


def test_a_failure_is_told(request_for_two: TryRequest, qtbot) -> None:
    def failing(request: TryRequest) -> Iterator[Event]:
        yield Progress(0, 0)
        raise MemoryError

    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = TryAllDialog(request_for_two, parent, failing)
    qtbot.waitUntil(lambda: "memory" in dialog.status.text(), timeout=LONG)
