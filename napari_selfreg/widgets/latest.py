"""Small jobs of which only the newest counts: what a slider or the camera asks for."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.runner import Job, JobRunner

LANE = "results"
"""These jobs do not wait for a segmentation."""


class Latest(QObject):
    """Runs one job at a time; of those asked for meanwhile only the last one follows.

    Parameters
    ----------
    owner : QWidget
        Widget whose life the jobs share.

    Attributes
    ----------
    done : Signal(object)
        Result of a job that was not overtaken.
    failed : Signal(object)
        The exception of one that was not overtaken; its traceback is in the log.
    """

    done = Signal(object)
    failed = Signal(object)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._runner = JobRunner(owner, LANE)
        self._next: tuple[Job, tuple[Any, ...]] | None = None
        self._runner.finished.connect(self._on_finished)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._go_on)

    @property
    def running(self) -> bool:
        """Whether anything is computed."""
        return self._runner.running

    def submit(self, job: Job, *args: Any) -> None:
        """Run a job as soon as the one before has ended; that one is cancelled."""
        if self._runner.running:
            self._next = (job, args)
            self._runner.cancel()
        else:
            self._runner.start(job, *args)

    def clear(self) -> None:
        """Forget what was asked for."""
        self._next = None
        self._runner.cancel()

    def _on_finished(self, result: Any) -> None:
        if self._next is None:
            self.done.emit(result)
        self._go_on()

    def _on_failed(self, error: Exception) -> None:
        if self._next is None:
            self.failed.emit(error)
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._next = self._next, None
        if waiting is not None and not self._runner.running:
            self._runner.start(waiting[0], *waiting[1])
