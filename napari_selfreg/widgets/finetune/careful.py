"""Check a verdict more carefully: hold out whole regions in turn."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets.finetune.job import TuneRequest, engine_request, read_fields
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.segment_job import start_engine
from napari_selfreg.widgets.sentences import describe_failure

if TYPE_CHECKING:
    from napari_selfreg.engine.finetune_folds import FoldsResult


def run_check(request: TuneRequest, steps: int) -> Generator[Event, None, FoldsResult]:
    """Fine-tune without some regions in turn, and score each on those.

    Parameters
    ----------
    request : TuneRequest
        Of the fine-tuning in question.
    steps : int
        That it made, with all *Train longer*.
    """
    yield from start_engine()
    from napari_selfreg.engine.finetune_folds import cross_validate

    fields = yield from read_fields(
        request.corrections, request.fields, read_card(request.base).classes
    )
    # Not from the newest weights: these have seen the regions that are to be held out.
    asked = engine_request(replace(request, go_on=None, enough=threading.Event()), fields)
    result = yield from cross_validate(asked, steps)
    return result


class CarefulCheck(QObject):
    """Runs one check at a time.

    Parameters
    ----------
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function of a `TuneRequest` and a number of steps; returns a `FoldsResult`.

    Attributes
    ----------
    told : Signal(str)
        What happens now; empty when it was cancelled.
    checked : Signal(object)
        The `FoldsResult`.
    """

    told = Signal(str)
    checked = Signal(object)

    def __init__(self, owner: QWidget, job: Job = run_check) -> None:
        super().__init__(owner)
        self._job = job
        self.runner = JobRunner(owner)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self.checked)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)

    def toggle(self, request: TuneRequest, steps: int) -> None:
        """Start, or stop what runs."""
        if self.runner.running:
            self.runner.cancel()
        else:
            self.told.emit("Waiting until another job has ended…")
            self.runner.start(self._job, request, steps)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Progress) and event.total:
                part = round(100 * event.done / event.total)
                self.told.emit(f"{event.message}: {part} %")

    def _on_failed(self, error: Exception) -> None:
        self.told.emit(describe_failure(error))

    def _on_cancelled(self) -> None:
        self.told.emit("")
