"""One run of the Segment panel: its job in a thread, its preview, and how it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event, Notice, Progress, TileDone
from napari_selfreg.engine.suitability import no_colours
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.extra_layers import add_extra_layers
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.preview import Preview
from napari_selfreg.widgets.result_layer import add_result, hide_former
from napari_selfreg.widgets.result_record import record
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.segment_job import PanelRequest
from napari_selfreg.widgets.sentences import STARTING, WAITING, describe_failure, describe_result
from napari_selfreg.widgets.shared import shared_for

logger = logging.getLogger(__name__)

CANCELLED = "Cancelled: nothing was added."
CHANGED = "The image has changed meanwhile, so nothing was added."
REMOVED = "The image was removed, so the job has stopped."
KEEPING = "Stopping: the objects of the finished part follow…"


@dataclass(slots=True)
class _Run:
    """The job in progress, seen from the window."""

    layer_id: Hashable
    request: PanelRequest
    preview: Preview
    card: Card
    began: float = field(default_factory=time.monotonic)
    notices: list[str] = field(default_factory=list)
    reason: str = CANCELLED
    tiles: int = 0


class SegmentRun(QObject):
    """Runs one request at a time and adds its result to the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Shows preview and result.
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function that takes a `PanelRequest`, yields events and returns the objects.

    Attributes
    ----------
    told : Signal(str)
        What happens now.
    progressed : Signal(int, int)
        Parts done and planned.
    concluded : Signal(str)
        The run has ended, and how.
    segmented : Signal(object, object)
        The new Labels layer of a finished run, and the `Picture` it was made from; before
        `concluded`.
    """

    told = Signal(str)
    progressed = Signal(int, int)
    concluded = Signal(str)
    segmented = Signal(object, object)

    def __init__(self, viewer: Any, owner: QWidget, job: Job) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._job = job
        self._run: _Run | None = None
        self.runner = JobRunner(owner)
        self.runner.started.connect(self._on_started)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end, with or without a result."""
        run = self._run
        return self.runner.cancelling or (run is not None and run.request.enough.is_set())

    def start(self, layer: Any, request: PanelRequest, card: Card) -> None:
        """Start a job for an image layer; none may be running."""
        preview = Preview(self._viewer, layer, request.picture, request.box)
        self._run = _Run(layer.unique_id, request, preview, card)
        if request.picture.is_grey:
            self._run.notices.append(no_colours())
        self.told.emit(WAITING)
        self.runner.start(self._job, request)

    def cancel(self) -> None:
        """Stop at the next tile and keep what is finished; a second time, drop it too."""
        run = self._run
        if run is not None and run.tiles and not run.request.enough.is_set():
            run.request.enough.set()
            self.told.emit(KEEPING)
        else:
            self.runner.cancel()

    def _on_started(self) -> None:
        self.told.emit(STARTING)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        run = self._run
        if run is None or self.runner.cancelling:
            return
        run.preview.show(event for event in events if isinstance(event, TileDone))
        for event in events:
            if isinstance(event, Notice):
                run.notices.append(event.message)
            elif isinstance(event, (Progress, TileDone)):
                self.progressed.emit(event.done, event.total)
            if isinstance(event, TileDone):
                run.tiles = event.done
            if run.request.enough.is_set():
                continue
            if isinstance(event, TileDone):
                self.told.emit(f"Finding objects: part {event.done} of {event.total}")
            elif isinstance(event, Progress) and event.message:
                self.told.emit(f"{event.message}…")

    def _on_finished(self, result: Any) -> None:
        run = self._end_run()
        layer = self._find(run.layer_id)
        if layer is None or not run.request.picture.fits(layer):
            self.concluded.emit(CHANGED)
            return
        name = f"{layer.name} {run.card.name}"
        info = record(run.request, layer, run.card, result)
        picture = run.request.picture
        try:
            add_extra_layers(self._viewer, layer, run.request, run.card, result)
            added = add_result(self._viewer, layer, picture, result, name, info)
        except Exception as error:
            logger.exception("the result could not be shown")
            self._tell_failure(error)
            return
        found = describe_result(len(result.table["index"]), time.monotonic() - run.began)
        hidden = hide_former(self._viewer, added)
        self.segmented.emit(added, picture)
        words = [found, hidden, self._beside(layer), *run.notices, *result.notes]
        self.concluded.emit(" ".join(filter(None, words)))

    def _beside(self, layer: Any) -> str:
        """Say what becomes of corrections that there are of this image."""
        project = shared_for(self._viewer).project
        if project is None:
            return ""
        from napari_selfreg.widgets.correct.new_result import note_beside

        return note_beside(project, layer)

    def _on_failed(self, error: Exception) -> None:
        self._end_run()
        self._tell_failure(error)

    def _tell_failure(self, error: Exception) -> None:
        text = describe_failure(error)
        show_error(text)
        self.concluded.emit(text)

    def _on_cancelled(self) -> None:
        self.concluded.emit(self._end_run().reason)

    def _on_removed(self, event: Any) -> None:
        """End the job when its image is removed; a removed preview is just not drawn any more."""
        run = self._run
        if not alive(self) or run is None or event.value.unique_id != run.layer_id:
            return
        run.reason = REMOVED
        self.runner.cancel()

    def _end_run(self) -> _Run:
        run, self._run = self._run, None
        assert run is not None  # the runner ends each job exactly once
        run.preview.remove()
        return run

    def _find(self, layer_id: Hashable) -> Any:
        return next((each for each in self._viewer.layers if each.unique_id == layer_id), None)
