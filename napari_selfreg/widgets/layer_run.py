"""One run on an image layer: its preview, and the ways in which it may end."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.layers import layer_by_id
from napari_selfreg.widgets.panel_job import PanelJob
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.sentences import STARTING

logger = logging.getLogger(__name__)

CANCELLED = "Cancelled: nothing was added."
CHANGED = "The image has changed meanwhile, so nothing was added."
REMOVED = "The image was removed, so the job has stopped."


@dataclass(slots=True)
class RunState:
    """The job in progress, seen from the window.

    Parameters
    ----------
    layer_id : hashable
        Of the image layer.
    request : object
        What the job was handed.
    preview : object
        What is on the canvas meanwhile; has ``remove``.
    card : Card
        Of the model.
    began : float
        When.
    notices : list of str
        To be told at the end.
    reason : str
        What is told if it is cancelled.
    tiles : int
        Tiles that have come.
    pixel_size : PixelSize or None
        Of the image when it began.
    """

    layer_id: Hashable
    request: Any
    preview: Any
    card: Card
    began: float = field(default_factory=time.monotonic)
    notices: list[str] = field(default_factory=list)
    reason: str = CANCELLED
    tiles: int = 0
    pixel_size: PixelSize | None = None

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began


class LayerRun(PanelJob):
    """Runs one request at a time; nothing is added to an image that has changed meanwhile.

    Parameters
    ----------
    viewer : napari.Viewer
        Shows preview and result.
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function of a request.
    """

    def __init__(self, viewer: Any, owner: QWidget, job: Job) -> None:
        super().__init__(owner, job)
        self._viewer = viewer
        self._run: RunState | None = None
        self.runner.started.connect(self._on_started)
        viewer.layers.events.removed.connect(self._on_removed)

    def _begin(self, run: RunState) -> None:
        self._run = run
        self._start(run.request)

    def _fits(self, request: Any, layer: Any) -> bool:
        """Tell whether a layer still is what the request was made from."""
        raise NotImplementedError

    def _add(self, run: RunState, layer: Any, result: Any) -> Any:
        """Add the result to the viewer and return its layer."""
        raise NotImplementedError

    def _announce(self, run: RunState, layer: Any, added: Any, result: Any) -> str:
        """Emit what there is now and return what to say of it."""
        raise NotImplementedError

    def _on_started(self) -> None:
        self._tell(STARTING)

    def _on_finished(self, result: Any) -> None:
        run = self._end_run()
        layer = layer_by_id(self._viewer, run.layer_id)
        if layer is None or not self._fits(run.request, layer):
            self._conclude(CHANGED)
            return
        try:
            added = self._add(run, layer, result)
        except Exception as error:
            logger.exception("the result could not be shown")
            self._tell_failure(error)
            return
        self._conclude(self._announce(run, layer, added, result))

    def _on_failed(self, error: Exception) -> None:
        self._end_run()
        self._tell_failure(error)

    def _on_cancelled(self) -> None:
        self._conclude(self._end_run().reason)

    def _on_removed(self, event: Any) -> None:
        """End the job when its image is removed; a removed preview is just not drawn any more."""
        run = self._run
        if alive(self) and run is not None and event.value.unique_id == run.layer_id:
            run.reason = REMOVED
            self.runner.cancel()

    def _end_run(self) -> RunState:
        run, self._run = self._run, None
        assert run is not None  # the runner ends each job exactly once
        run.preview.remove()
        return run
