from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.engine.batch_events import (
    BatchRequest,
    BatchResult,
    FieldFailed,
    FieldStarted,
)
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.batch_run import CANCELLED, NO_FIELDS, BatchRun
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.segment_setup import SegmentSettings
from napari_selfreg.widgets.shared import Shared
from tests.widgets.fakes import make_card
from tests.widgets.waits import LONG

PATHS = (Path("a.png"), Path("b.png"))
SETTINGS = SegmentSettings(
    Path("spots"),
    PixelSize.isotropic(1),
    "whole",
    "cpu",
    PostProcessing(0.3),
    tta=True,
    skip_glass=False,
)


@pytest.fixture
def shared() -> Shared:
    made = Shared()
    made.fields = FieldList()
    made.fields.add(PATHS)
    return made


@pytest.fixture
def make(shared: Shared, qtbot) -> Any:
    owner = QWidget()
    qtbot.addWidget(owner)

    def run(job: Any) -> BatchRun:
        made = BatchRun(shared, owner, job)
        made.owner = owner  # type: ignore[attr-defined]
        return made

    return run


def start(batch: BatchRun, qtbot) -> str:
    with qtbot.waitSignal(batch.concluded, timeout=LONG) as signal:
        batch.start(SETTINGS, make_card())
    return str(signal.args[0])


def test_fields_get_the_settings_of_the_panel_and_learn_what_became_of_them(
    shared: Shared, make, qtbot
) -> None:
    asked: list[BatchRequest] = []

    def job(request: BatchRequest) -> Iterator[Event]:
        asked.append(request)
        yield FieldStarted(PATHS[0])
        yield Progress(50, 200, "a: field 1 of 2")
        yield FieldFailed(PATHS[1], "It is broken.")
        notes = ("The summary is open elsewhere.",)
        return BatchResult((PATHS[0],), ((PATHS[1], "It is broken."),), notes)

    batch = make(job)
    assert shared.fields is not None
    said: list[tuple[str, bool]] = []
    fields = shared.fields
    fields.batchTold.connect(lambda words: said.append((words, fields.batch_running)))
    steps: list[tuple[int, int]] = []
    batch.progressed.connect(lambda done, total: steps.append((done, total)))
    text = start(batch, qtbot)
    assert text.startswith("1 of 2 fields")
    assert "summary.csv" in text
    assert "The summary is open elsewhere." in text
    # The Open panel, where it was asked for, hears the same.
    assert ("a: field 1 of 2…", True) in said
    assert said[-1] == (text, False)
    request = asked[0]
    assert [field.path for field in request.fields] == list(PATHS)
    assert (request.model, request.device, request.tta) == (Path("spots"), "cpu", True)
    assert not request.skip_glass
    assert request.settings == PostProcessing(0.3)
    assert steps == [(50, 200)]
    assert shared.fields is not None
    assert shared.fields[1].problem == "It is broken."
    assert not any(field.running for field in shared.fields)


def test_nothing_to_run_on(make, shared: Shared, qtbot) -> None:
    def job(request: BatchRequest) -> Iterator[Event]:
        raise AssertionError
        yield

    batch = make(job)
    assert shared.fields is not None
    shared.fields.remove(list(shared.fields))
    assert start(batch, qtbot) == NO_FIELDS
    shared.fields = None
    assert start(batch, qtbot) == NO_FIELDS


@pytest.mark.parametrize("opened", [False, True])
def test_corrections_are_said_to_stay(make, shared: Shared, qtbot, opened) -> None:
    def job(request: BatchRequest) -> Iterator[Event]:
        yield FieldStarted(PATHS[0])
        return BatchResult((PATHS[0],), ())

    shared.project = object() if opened else None  # type: ignore[assignment]
    assert ("corrections" in start(make(job), qtbot)) is opened


def test_a_failure_is_told(make, qtbot) -> None:
    def job(request: BatchRequest) -> Iterator[Event]:
        yield FieldStarted(PATHS[0])
        raise BadModelError("This is no model.")

    assert start(make(job), qtbot) == "This is no model."


def test_cancelled(make, shared: Shared, qtbot) -> None:
    def job(request: BatchRequest) -> Iterator[Event]:
        while True:
            yield FieldStarted(PATHS[0])

    batch = make(job)
    batch.start(SETTINGS, make_card())
    with qtbot.waitSignal(batch.concluded, timeout=LONG) as signal:
        batch.cancel()
    assert signal.args == [CANCELLED]
    assert shared.fields is not None
    assert not shared.fields[0].running
