"""One run of the Segment panel: its job in a thread, its preview, and how it ends."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal

from napari_selfreg.engine.events import Event, Notice, Progress, TileDone
from napari_selfreg.engine.suitability import no_colours
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.extra_layers import add_extra_layers
from napari_selfreg.widgets.layer_run import LayerRun, RunState
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE, give_size
from napari_selfreg.widgets.preview import Preview
from napari_selfreg.widgets.result_layer import add_result, hide_former
from napari_selfreg.widgets.result_record import record
from napari_selfreg.widgets.segment_job import PanelRequest
from napari_selfreg.widgets.sentences import describe_result
from napari_selfreg.widgets.shared import shared_for

KEEPING = "Stopping: the objects of the finished part follow…"


class SegmentRun(LayerRun):
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
    segmented : Signal(object, object)
        The new Labels layer of a finished run, and the `Picture` it was made from; before
        `concluded`.
    """

    segmented = Signal(object, object)

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end, with or without a result."""
        run = self._run
        return self.runner.cancelling or (run is not None and run.request.enough.is_set())

    def start(self, layer: Any, request: PanelRequest, card: Card) -> None:
        """Start a job for an image layer; none may be running."""
        preview = Preview(self._viewer, layer, request.picture, request.box)
        size = pixel_size_of(layer)
        run = RunState(layer.unique_id, request, preview, card, pixel_size=size)
        if request.picture.is_grey:
            run.notices.append(no_colours())
        self._begin(run)

    def cancel(self) -> None:
        """Stop at the next tile and keep what is finished; a second time, drop it too."""
        run = self._run
        if run is not None and run.tiles and not run.request.enough.is_set():
            run.request.enough.set()
            self.told.emit(KEEPING)
        else:
            self.runner.cancel()

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

    def _fits(self, request: PanelRequest, layer: Any) -> bool:
        return request.picture.fits(layer)

    def _add(self, run: RunState, layer: Any, result: Any) -> Any:
        name = f"{layer.name} {run.card.name}"
        info = record(run.request, layer, run.card, result)
        add_extra_layers(self._viewer, layer, run.request, run.card, result)
        added = add_result(self._viewer, layer, run.request.picture, result, name, info)
        size = pixel_size_of(layer)
        if size is not None and size != run.pixel_size:  # chosen while the model was at work
            give_size(added, size)
            run.notices.append(FOUND_BEFORE)
        return added

    def _announce(self, run: RunState, layer: Any, added: Any, result: Any) -> str:
        found = describe_result(len(result.table["index"]), run.seconds)
        hidden = hide_former(self._viewer, added)
        self.segmented.emit(added, run.request.picture)
        words = [found, hidden, self._beside(layer), *run.notices, *result.notes]
        return " ".join(filter(None, words))

    def _beside(self, layer: Any) -> str:
        """Say what becomes of corrections that there are of this image."""
        project = shared_for(self._viewer).project
        if project is None:
            return ""
        from napari_selfreg.widgets.correct.new_result import note_beside

        return note_beside(project, layer)
