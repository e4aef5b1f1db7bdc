"""One fine-tuning of the panel: its job in a thread, what is told meanwhile, and how it ends."""

from __future__ import annotations

import time
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event, Notice, Progress, StepDone
from napari_selfreg.engine.finetune_types import BaseScored, Planned, RolledBack
from napari_selfreg.widgets.finetune.job import Tuned, TuneRequest
from napari_selfreg.widgets.panel_job import PanelJob
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.sentences import STARTING

CANCELLED = "Cancelled: the model is as it was."
KEPT = "Ended with its project, which keeps the best model so far as a version."
KEEPING = "Stopping: the best model so far follows…"

_TICK_MS = 500


class Tuning(PanelJob):
    """Runs one request at a time; parts done are tenths of a second, or steps where given.

    Parameters
    ----------
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function that takes a `TuneRequest`, yields events and returns a `Tuned`.

    Attributes
    ----------
    happened : Signal(tuple)
        Events, at most five times per second.
    tuned : Signal(object)
        The new `Tuned`; before `concluded`.
    """

    happened = Signal(tuple)
    tuned = Signal(object)

    def __init__(self, owner: QWidget, job: Job) -> None:
        super().__init__(owner, job)
        self._request: TuneRequest | None = None
        self._notices: list[str] = []
        self._began = 0.0
        self._stepped = False
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self.runner.started.connect(self._on_started)

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to end, with or without a result."""
        request = self._request
        return self.runner.cancelling or (request is not None and request.enough.is_set())

    def start(self, request: TuneRequest) -> None:
        """Start a fine-tuning; none may be running."""
        self._request = request
        self._notices.clear()
        self._stepped = False
        self._start(request)

    def cancel(self) -> None:
        """Stop after this step and keep the best so far; a second time, drop it too."""
        request = self._request
        if request is None:
            return
        if self._stepped and not request.enough.is_set():
            request.enough.set()
            self.told.emit(KEEPING)
        else:
            request.dropped.set()
            self.runner.cancel()

    def _on_started(self) -> None:
        self._began = time.monotonic()
        self._clock.start()
        self.told.emit(STARTING)

    def _tick(self) -> None:
        request = self._request
        if request is not None and request.steps is None:
            total = round(600 * request.minutes)
            done = round(10 * (time.monotonic() - self._began))
            self.progressed.emit(min(done, total), total)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        request = self._request
        if request is None or self.runner.cancelling:
            return
        for event in events:
            if isinstance(event, Notice | RolledBack):
                self._notices.append(event.message)
            elif isinstance(event, StepDone):
                self._stepped = True
        self.happened.emit(events)
        words = [text for text in map(_words, events) if text]
        if words and not request.enough.is_set():
            self.told.emit(words[-1])
        steps = [event for event in events if isinstance(event, StepDone)]
        if steps and request.steps is not None:
            self.progressed.emit(steps[-1].step, steps[-1].total)

    def _on_finished(self, result: Tuned) -> None:
        notices = self._end()
        self.tuned.emit(result)
        self.concluded.emit(" ".join(dict.fromkeys([*notices, *result.result.notes])))

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self._tell_failure(error)

    def _on_cancelled(self) -> None:
        request = self._request
        kept = self._stepped and request is not None and not request.dropped.is_set()
        if kept and self.runner.late_error is not None:  # what it has learned is lost
            self._on_failed(self.runner.late_error)
            return
        self._end()
        self.concluded.emit(KEPT if kept else CANCELLED)

    def _end(self) -> list[str]:
        self._request = None
        self._clock.stop()
        return self._notices


def _words(event: Any) -> str:
    """Return what a person reads while something goes on; empty if nothing new."""
    if isinstance(event, Progress):
        return f"{event.message}…" if event.message else ""
    if isinstance(event, BaseScored):
        return f"The old model scores {event.dice:.3f} on what is held out. Learning…"
    if isinstance(event, Planned) and event.seconds_per_step:
        return f"Learning: about {event.steps} steps fit into the time"
    if isinstance(event, StepDone):
        # How many fit into the time is known only after the first few.
        planned = f" of about {event.total}" if event.total >= event.step else ""
        return f"Learning: step {event.step}{planned}"
    return ""
