"""Image layers that came through another door: File > Open, a drop, a script."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo, set_pixel_size, source_info
from napari_selfreg.widgets.layers import is_picture, pixel_size_of
from napari_selfreg.widgets.open_jobs import FileFacts, ask_file
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.timers import single_shot

STATED = "stated by the file"

TOGETHER_MS = 200  # napari looks after its events between two files


class Arrivals(QObject):
    """Notices new image layers and learns which file they show.

    Layers of our own reader say so. What napari's own reader has opened gets the pixel size of
    its file, and a slide that it has read whole is offered once more, piece by piece.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers are watched.
    stage : FieldStage
        Layers that it puts on the viewer are no arrivals.
    owner : QWidget
        Its life ends the watch.

    Attributes
    ----------
    active : bool
        Whether new layers are noticed.
    arrived : Signal(list)
        Image layers, each with its `SourceInfo`, that came together.
    lazyOffered : Signal(object)
        A layer whose file can be read piece by piece, but was read whole.
    """

    arrived = Signal(list)
    lazyOffered = Signal(object)

    def __init__(self, viewer: Any, stage: FieldStage, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._stage = stage
        self._new: list[Any] = []
        self._unasked: deque[Any] = deque()
        self._asked: Any = None
        self.active = True
        self._runner = JobRunner(owner, "ask")
        self._runner.finished.connect(self._on_answer)
        self._runner.failed.connect(self._on_no_answer)
        # Several files opened together arrive one by one: they are looked at together.
        self._timer = single_shot(self, 0, self._sort)
        viewer.layers.events.inserted.connect(self._on_inserted)
        for layer in viewer.layers:
            self._note(layer)

    @property
    def idle(self) -> bool:
        """Whether all layers that have come are known."""
        return not (self._new or self._unasked or self._runner.running)

    def _on_inserted(self, event: Any) -> None:
        if alive(self) and self.active and not self._stage.working:
            self._note(event.value)

    def _note(self, layer: Any) -> None:
        if is_picture(layer):
            self._new.append(layer)
            self._timer.start(TOGETHER_MS)

    def _sort(self) -> None:
        new = [layer for layer in self._new if layer in self._viewer.layers]
        self._new = []
        known = [layer for layer in new if source_info(layer) is not None]
        self._unasked.extend(
            layer for layer in new if layer not in known and layer.source.path is not None
        )
        if known:
            self.arrived.emit([(layer, source_info(layer)) for layer in known])
        self._ask()

    def _ask(self) -> None:
        if self._unasked and not self._runner.running:
            self._asked = self._unasked.popleft()
            self._runner.start(ask_file, Path(self._asked.source.path))

    def _on_answer(self, facts: FileFacts | None) -> None:
        layer, self._asked = self._asked, None
        if facts is not None and layer in self._viewer.layers and _shows(layer, facts):
            self._describe(layer, facts)
        self._ask()

    def _on_no_answer(self, error: Exception) -> None:
        self._on_answer(None)

    def _describe(self, layer: Any, facts: FileFacts) -> None:
        path = Path(layer.source.path)
        info = SourceInfo(path, path.stem, facts.stated, False)
        layer.metadata[SOURCE_KEY] = info
        if facts.stated is not None and pixel_size_of(layer) is None:
            set_pixel_size(layer, facts.stated, STATED)
        self.arrived.emit([(layer, info)])
        if facts.lazy and not layer.multiscale:
            self.lazyOffered.emit(layer)


def _shows(layer: Any, facts: FileFacts) -> bool:
    """Tell whether a layer is the picture of its file, and not a stack or a part of it."""
    shape = layer.data[0].shape if layer.multiscale else layer.data.shape
    return layer.ndim == 2 and tuple(shape[:2]) == facts.shape
