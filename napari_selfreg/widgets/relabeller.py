"""Changes a result while sliders move: the view at once, everything right afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.widgets.areas import view_box
from napari_selfreg.widgets.draft_layer import DraftLayer
from napari_selfreg.widgets.guards import alive, bare, selection_is_kept
from napari_selfreg.widgets.layers import Picture, layer_by_id, picture_of
from napari_selfreg.widgets.relabel_job import Relabelled, RelabelRequest, draft, relabel
from napari_selfreg.widgets.result_info import (
    RESULT_KEY,
    ResultInfo,
    is_of_project,
    is_touched,
    mark_touched,
    result_info,
)
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentences import describe_failure, describe_relabelled
from napari_selfreg.widgets.timers import single_shot

_PAUSE_MS = 350
"""A hand that has rested this long has found what it wants."""


class Relabeller(QObject):
    """Makes the objects of the current result anew with other settings.

    The current result is the selected one, else the last one that was made. A result that a
    person has changed stays as it is; a new layer is made beside it.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds the results.
    owner : QWidget
        Its life ends the jobs.

    Attributes
    ----------
    currentChanged : Signal(object)
        The `ResultInfo` of the result that sliders change now, or None; again when a person
        selects it again.
    relabelled : Signal(object)
        A Labels layer has new objects.
    told : Signal(str)
        How it ended.
    """

    currentChanged = Signal(object)
    relabelled = Signal(object)
    told = Signal(str)

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._pictures: WeakKeyDictionary[Any, Picture] = WeakKeyDictionary()
        self._current: Any = None
        self._selected: Any = None
        self._wanted: PostProcessing | None = None
        self._drawn: PostProcessing | None = None
        self._busy: Any = None
        self._applying = False
        self._draft = DraftLayer(viewer)
        self.drafts = JobRunner(owner, lane="draft")
        self.runner = JobRunner(owner, lane="relabel")
        self._pause = single_shot(self, _PAUSE_MS, self._start_whole)
        self.drafts.finished.connect(self._on_draft)
        self.drafts.failed.connect(self._on_failed)
        self.runner.finished.connect(self._on_whole)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._start_whole)
        viewer.layers.selection.events.active.connect(self._on_active)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def current(self) -> Any:
        """The Labels layer that sliders change, or None."""
        return self._current if self._current in self._viewer.layers else None

    @property
    def working(self) -> bool:
        """Whether a result is being changed."""
        return self._wanted is not None

    def take(self, layer: Any, picture: Picture | None = None) -> None:
        """Make a result layer the current one, if it has probabilities.

        Parameters
        ----------
        layer : napari.layers.Labels
            With a `ResultInfo`.
        picture : Picture, optional
            What was segmented, where that is known.
        """
        layer = bare(layer)
        if picture is not None:
            self._pictures[layer] = picture
        info = result_info(layer)
        if info is None or not _has_probability(info):
            return
        if layer is not self._current:
            self._finish_up()
            self._current = layer
            layer.events.paint.connect(self._on_painted)
            layer.events.data.connect(self._on_painted)
        if not self.working:  # its settings are about to be others then
            self.currentChanged.emit(info)

    def change(self, settings: PostProcessing) -> None:
        """Make the objects of the current result anew; returns at once."""
        layer = self.current
        info = result_info(layer) if layer is not None else None
        if info is None or (settings == info.settings and not self.working):
            return
        self._wanted = settings
        self.runner.cancel()
        self._pause.start()
        self._start_draft()

    def _start_draft(self) -> None:
        if not self.drafts.running and self._wanted not in (None, self._drawn):
            request = self._request()
            if request is not None and not request.window.empty:
                self._drawn = request.settings
                self.drafts.start(draft, request)

    def _on_draft(self, found: Any) -> None:
        layer = self.current
        image = self._image(layer)
        if not self.working or layer is None or image is None:
            return
        info = result_info(layer)
        if info is not None:
            self._draft.show(found, layer, info, image, self._picture(layer))
        self._start_draft()  # the slider may have moved on

    def _start_whole(self) -> None:
        if self._wanted is None or self.runner.running or self._pause.isActive():
            return
        request = self._request()
        if request is None:
            self._finish_up()
            return
        self._busy = self._current
        self.runner.start(relabel, request)

    def _on_whole(self, result: Relabelled) -> None:
        layer, self._busy = self._busy, None
        if self._wanted is None or layer is not self.current or result.settings != self._wanted:
            self._start_whole()
            return
        self._wanted = self._drawn = None
        self._pause.stop()
        info = result_info(layer)
        if info is None:
            return
        self._draft.remove()
        words = describe_relabelled(len(result.table["index"]))
        info = replace(info, settings=result.settings)
        if is_of_project(layer):
            words += f" “{layer.name}” stays as it is in the project, but is hidden."
            layer = self._add_beside(layer, info, result)
        elif is_touched(layer):
            words += f" “{layer.name}”, which you have changed, is kept, but hidden."
            layer = self._add_beside(layer, info, result)
        else:
            self._apply(layer, info, result)
        self.relabelled.emit(layer)
        self.told.emit(words)

    def _apply(self, layer: Any, info: ResultInfo, result: Relabelled) -> None:
        with self._our_own():
            plane = result.labels.reshape(layer.data.shape)
            layer.data = plane
            layer.features = feature_rows(result.table)
        layer.metadata[RESULT_KEY] = info

    def _add_beside(self, layer: Any, info: ResultInfo, result: Relabelled) -> Any:
        """Leave a person's layer alone and add another, which is then the current one."""
        picture, image = self._picture(layer), self._image(layer)
        added = add_result(self._viewer, image, picture, result, str(layer.name), info)
        layer.visible = False
        self.take(added, picture)
        return added

    @contextmanager
    def _our_own(self) -> Iterator[None]:
        self._applying = True
        try:
            yield
        finally:
            self._applying = False

    def _on_painted(self, event: Any) -> None:
        if alive(self) and not self._applying:
            mark_touched(bare(event.source))

    def _on_active(self, event: Any = None) -> None:
        if not alive(self):
            return
        if selection_is_kept():
            return
        active = self._viewer.layers.selection.active
        before, self._selected = self._selected, active.unique_id if active is not None else None
        if self._selected != before and result_info(active) is not None:
            self.take(active)

    def _on_removed(self, event: Any) -> None:
        if alive(self) and bare(event.value) is self._current:
            self._finish_up()
            self._current = self._selected = None
            self.currentChanged.emit(None)

    def _on_failed(self, error: Exception) -> None:
        self._finish_up()
        self.told.emit(describe_failure(error))

    def _finish_up(self) -> None:
        """Forget what was wanted; the result stays as it is."""
        self._wanted = self._drawn = None
        self._pause.stop()
        self.runner.cancel()
        self._draft.remove()

    def _request(self) -> RelabelRequest | None:
        layer = self.current
        image = self._image(layer)
        info = result_info(layer) if layer is not None else None
        if info is None or image is None or self._wanted is None:
            return None
        picture = self._picture(layer)
        window = info.box
        if self._viewer.dims.ndisplay == 2:
            window = view_box(self._viewer, image, picture).intersect(info.box)
        return RelabelRequest(info, self._wanted, picture, window.shift(-info.box.y0, -info.box.x0))

    def _image(self, layer: Any) -> Any:
        info = result_info(layer) if layer is not None else None
        return None if info is None else layer_by_id(self._viewer, info.image_layer_id)

    def _picture(self, layer: Any) -> Picture:
        """Return what was segmented: as it was, or as the image is now."""
        if layer not in self._pictures:
            info, image = result_info(layer), self._image(layer)
            wanted = info.label_size if info is not None and image.multiscale else None
            plane = info.plane if info is not None else None
            self._pictures[layer] = picture_of(self._viewer, image, wanted, plane)
        return self._pictures[layer]


def _has_probability(info: ResultInfo) -> bool:
    return info.probability is not None and math.prod(info.probability.shape) > 0
