"""Run one job of the engine beside the window, and end it quietly when the window goes.

The worker is our own: the generator workers of napari and superqt swallow every RuntimeError,
which is what all torch errors are, replace `warnings.showwarning` for the whole program while
they run, and leave the generator to be closed by the main thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import (
    QCoreApplication,
    QEvent,
    QObject,
    QRunnable,
    QThreadPool,
    Signal,
)
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event
from napari_selfreg.widgets.collector import Collector
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.timers import single_shot

logger = logging.getLogger(__name__)

Job = Callable[..., Generator[Event, None, Any]]

FLUSH_INTERVAL_MS = 200
_QUIT_TIMEOUT_MS = 10_000

# Not Qt's global pool: it has as many threads as cores, and a long job would starve napari's own
# workers there. One thread per lane, since every job of the engine uses all cores by itself; jobs
# that only read files have lanes of their own, so that a long job does not keep them waiting.
_pools: dict[str, QThreadPool] = {}
_workers: set[JobWorker] = set()
_collectors: list[Collector] = []  # one, made for the first job


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a job ended: with a result, with an error, or (neither) cancelled."""

    worker: JobWorker
    done: bool = False
    result: Any = None
    error: Exception | None = None


class _JobSignals(QObject):
    started = Signal()
    awaited = Signal()
    yielded = Signal(object)
    ended = Signal(object)  # _Outcome; always the last one


class JobWorker(QRunnable):
    """Drives one generator in a thread of the pool.

    Parameters
    ----------
    job : callable
        Generator function of the engine.
    *args
        Its arguments.
    lane : str
        Where it runs, see `JobRunner`.
    """

    def __init__(self, job: Job, *args: Any, lane: str = "engine") -> None:
        super().__init__()
        self.signals = _JobSignals()
        self.lane = lane
        self.done = False
        self._job = job
        self._args = args
        self._stop = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self, *_: object) -> None:
        """Ask the job to end at its next event (safe from any thread)."""
        self._stop.set()

    def run(self) -> None:
        """Run the job to its end; called by Qt in a thread of the pool."""
        self.signals.started.emit()
        outcome = self._drive()
        # PySide6 never lets go of a worker that has run; pictures and labels must not stay too.
        del self._job, self._args
        if outcome.error is not None:
            logger.error("a job failed", exc_info=outcome.error)
        self.done = True
        self.signals.ended.emit(outcome)

    def _drive(self) -> _Outcome:
        try:
            steps = self._job(*self._args)
            try:
                while not self._stop.is_set():
                    self.signals.yielded.emit(next(steps))
            except StopIteration as end:
                return _Outcome(self, done=True, result=end.value)
            finally:
                steps.close()  # files and GPU memory are released in this thread
        except Exception as error:  # noqa: BLE001 - whatever it is, a person must learn of it
            return _Outcome(self, error=error)
        except BaseException as error:  # noqa: BLE001 - sys.exit of a library ends but its job
            return _Outcome(self, error=_as_exception(error))
        return _Outcome(self)


def _as_exception(error: BaseException) -> Exception:
    """Wrap what is meant to end a program, as Python does with StopIteration in a generator."""
    wrapped = RuntimeError(f"the job raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


class JobRunner(QObject):
    """Runs one job at a time for a widget.

    The job is cancelled when the widget, or any widget around it, is taken out of its window, and
    when the window closes.

    Parameters
    ----------
    owner : QWidget
        Widget whose life the jobs share; it becomes the parent.
    lane : str
        Jobs of one lane wait for each other, whoever started them.

    Attributes
    ----------
    started : Signal()
        The job has its turn: another one may have had to end first.
    awaited : Signal()
        Another job was started that has to wait for this one.
    received : Signal(tuple)
        The events since the last time, in order, at most five times per second.
    finished : Signal(object)
        Result of the job.
    failed : Signal(object)
        The exception; its traceback is in the log.
    cancelled : Signal()
        The job has ended because of `cancel`.
    late_result : object
        While `cancelled` is told: the result of a job that was done before it noticed, else None.
    late_error : Exception or None
        While `cancelled` is told: what went wrong in a job while it was ending.
    """

    started = Signal()
    awaited = Signal()
    received = Signal(tuple)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, owner: QWidget, lane: str = "engine") -> None:
        super().__init__(owner)
        self._owner = owner
        self._lane = lane
        self._worker: JobWorker | None = None
        self.late_result: Any = None
        self.late_error: Exception | None = None
        self._events: list[Event] = []
        self._last_flush = 0.0
        self._flush_timer = single_shot(self, 0, self._flush)
        self._close_timer = single_shot(self, 0, self._cancel_if_window_is_gone)

    @property
    def running(self) -> bool:
        """Whether a job was started and has not ended yet."""
        return self._worker is not None

    @property
    def cancelling(self) -> bool:
        """Whether the running job was asked to stop."""
        return self._worker is not None and self._worker.stopping

    def start(self, job: Job, *args: Any) -> None:
        """Start a job.

        Parameters
        ----------
        job : callable
            Generator function that yields events and returns a result.
        *args
            Its arguments: snapshots, never layers.

        Raises
        ------
        RuntimeError
            If a job is running already.
        """
        if self._worker is not None:
            raise RuntimeError("a job is running already")
        worker = JobWorker(job, *args, lane=self._lane)
        self._worker = worker
        worker.signals.started.connect(self.started)
        worker.signals.awaited.connect(self.awaited)
        worker.signals.yielded.connect(self._collect)
        worker.signals.ended.connect(self._end)
        self._owner.destroyed.connect(worker.stop)
        self._watch()
        _start(worker)

    def cancel(self) -> None:
        """Ask the running job to stop at its next event; returns at once."""
        if self._worker is not None:
            self._worker.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice when the owner leaves its window or the window closes."""
        if event.type() == QEvent.Type.ParentChange:
            # The "x" of a dock takes the widget out of the window; no close event reaches it.
            if watched.parent() is None:
                self.cancel()
            else:
                self._watch()
        elif event.type() == QEvent.Type.Close:
            # A dialog may still refuse the closing, so look once it is over.
            self._close_timer.start(0)
        return False

    def _cancel_if_window_is_gone(self) -> None:
        if not self._owner.window().isVisible():
            self.cancel()

    def _watch(self) -> None:
        """Watch the owner and all widgets around it; only while a job runs."""
        for widget in self._around():
            widget.installEventFilter(self)  # a second time has no effect

    def _unwatch(self) -> None:
        for widget in self._around():
            widget.removeEventFilter(self)

    def _around(self) -> Iterator[QWidget]:
        # Walked afresh each time: a list kept here would keep a closed window alive.
        widget: QWidget | None = self._owner
        while widget is not None:
            yield widget
            widget = widget.parentWidget()

    def _collect(self, event: Event) -> None:
        if not alive(self):
            return
        self._events.append(event)
        if not self._flush_timer.isActive():
            elapsed_ms = (time.monotonic() - self._last_flush) * 1000
            self._flush_timer.start(max(0, round(FLUSH_INTERVAL_MS - elapsed_ms)))

    def _flush(self) -> None:
        self._last_flush = time.monotonic()
        events, self._events = tuple(self._events), []
        if events:
            self.received.emit(events)

    def _end(self, outcome: _Outcome) -> None:
        if not alive(self):  # the window was closed while this was on its way
            return
        self._flush_timer.stop()
        self._flush()
        self._unwatch()
        stopped, self._worker = self.cancelling, None
        if stopped:
            self.late_result, self.late_error = outcome.result, outcome.error
            self.cancelled.emit()
            self.late_result = self.late_error = None
        elif outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            self.finished.emit(outcome.result)


def stop_all_jobs() -> None:
    """Ask every job to stop and wait for them; called when the program ends."""
    for worker in tuple(_workers):
        worker.stop()
    for pool in _pools.values():
        if not pool.waitForDone(_QUIT_TIMEOUT_MS):
            logger.warning("a job did not stop in time")


def _start(worker: JobWorker) -> None:
    app, lane = QCoreApplication.instance(), worker.lane
    if not _pools and app is not None:
        app.aboutToQuit.connect(stop_all_jobs)
    if lane not in _pools:
        _pools[lane] = QThreadPool()
        _pools[lane].setMaxThreadCount(1)
    for other in tuple(_workers):
        if other.lane == lane and not other.done:
            other.signals.awaited.emit()
    _workers.add(worker)  # Python's half of the worker must outlive its run
    worker.signals.ended.connect(_forget)
    if not _collectors:
        _collectors.append(Collector())
    _collectors[0].start()
    _pools[lane].start(worker)


def _forget(outcome: _Outcome) -> None:
    _workers.discard(outcome.worker)
    if not _workers:
        _collectors[0].stop()
