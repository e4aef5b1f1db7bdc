"""A job of a panel, and how it tells the panel where it is."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentences import WAITING, describe_failure


class PanelJob(QObject):
    """Runs one job at a time; who derives from it says what events and results mean.

    Parameters
    ----------
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function of the engine.

    Attributes
    ----------
    told : Signal(str)
        What happens now.
    progressed : Signal(int, int)
        Done and planned.
    concluded : Signal(str)
        The job has ended, and how.
    """

    told = Signal(str)
    progressed = Signal(int, int)
    concluded = Signal(str)

    def __init__(self, owner: QWidget, job: Job) -> None:
        super().__init__(owner)
        self._job = job
        self.runner = JobRunner(owner)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)

    def _start(self, *args: Any) -> None:
        self._tell(WAITING)
        self.runner.start(self._job, *args)

    def _tell(self, text: str) -> None:
        self.told.emit(text)

    def _conclude(self, text: str) -> None:
        self.concluded.emit(text)

    def _tell_failure(self, error: Exception) -> None:
        text = describe_failure(error)
        show_error(text)
        self._conclude(text)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        raise NotImplementedError

    def _on_finished(self, result: Any) -> None:
        raise NotImplementedError

    def _on_failed(self, error: Exception) -> None:
        raise NotImplementedError

    def _on_cancelled(self) -> None:
        raise NotImplementedError
