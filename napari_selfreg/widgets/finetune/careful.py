"""Check a verdict more carefully: hold out whole regions in turn.

Nobody has to wait for a check: it ends early as soon as another job of the engine is started.
"""

from __future__ import annotations

import threading
import time
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
from napari_selfreg.widgets.sentences import WAITING, describe_failure

if TYPE_CHECKING:
    from napari_selfreg.engine.finetune_folds import FoldsResult

STOPPING = "Stopping: what is known of the regions so far follows…"
MAKES_WAY = "The check region by region stops first and keeps what its finished regions say…"

GAVE_WAY = "Another job goes first: start the check again when it has ended."

_SURE_SECONDS = 5.0


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
    asked = engine_request(replace(request, go_on=None), fields)
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
    running : Signal(bool)
        Whether it can be stopped now.
    checked : Signal(object)
        The `FoldsResult`.
    """

    told = Signal(str)
    running = Signal(bool)
    checked = Signal(object)

    def __init__(self, owner: QWidget, job: Job = run_check) -> None:
        super().__init__(owner)
        self._job = job
        self._request: TuneRequest | None = None
        self._began: float | None = None
        self._has_its_turn = False
        self._parting = ""
        self.runner = JobRunner(owner)
        self.runner.started.connect(self._on_turn)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self.runner.awaited.connect(self.make_way)

    def toggle(self, request: TuneRequest, steps: int) -> None:
        """Start; or stop, keeping what finished regions say; the second time stop at once."""
        if not self.runner.running:
            self._request, self._began = replace(request, enough=threading.Event()), None
            self._has_its_turn, self._parting = False, ""
            self.told.emit(WAITING)
            self.running.emit(True)
            self.runner.start(self._job, self._request, steps)
        elif not self.stopped:
            self.make_way()
        else:
            self.runner.cancel()

    def make_way(self) -> bool:
        """Stop, keeping what finished regions say, if anything runs; tell whether it does."""
        running = self.runner.running and not self.runner.cancelling
        if running and not self._has_its_turn:  # it waits itself, and knows nothing yet
            self._parting = GAVE_WAY
            self.told.emit(GAVE_WAY)
            self.runner.cancel()
        elif running and self._request is not None and not self.stopped:
            self._request.enough.set()
            self.told.emit(STOPPING)
        return self.runner.running

    @property
    def stopped(self) -> bool:
        """Whether the last check was ended early."""
        return self._request is not None and self._request.enough.is_set()

    def _on_turn(self) -> None:
        self._has_its_turn = True

    def _on_events(self, events: tuple[Event, ...]) -> None:
        known = [event for event in events if isinstance(event, Progress) and event.total]
        if not known or self.stopped or self.runner.cancelling:
            return
        if self._began is None:
            self._began = time.monotonic()
        words = in_progress(known[-1], time.monotonic() - self._began)
        self.told.emit(words)

    def _on_finished(self, result: FoldsResult) -> None:
        self.running.emit(False)
        self.checked.emit(result)

    def _on_failed(self, error: Exception) -> None:
        self.running.emit(False)
        self.told.emit(describe_failure(error))

    def _on_cancelled(self) -> None:
        self.running.emit(False)
        self.told.emit(self._parting)


def in_progress(event: Progress, seconds: float) -> str:
    """Return how far a check is, and once that can be told, how long it still takes.

    Examples
    --------
    >>> in_progress(Progress(5, 20, "Comparing"), 60.0)
    'Comparing: 25 %, about 3 min left'
    """
    part = event.done / event.total
    words = f"{event.message}: {round(100 * part)} %"
    if seconds < _SURE_SECONDS or not part:
        return words
    left = seconds / part - seconds
    return f"{words}, about {f'{left / 60:.0f} min' if left > 90 else f'{left:.0f} s'} left"
