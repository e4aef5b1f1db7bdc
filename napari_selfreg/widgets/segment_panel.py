"""The Segment panel: model, image, area, Run; the result is a new Labels layer."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Notice, Progress, TileDone
from napari_selfreg.io.pixel_size import plausible
from napari_selfreg.widgets.area_picker import AreaPicker
from napari_selfreg.widgets.device_picker import DevicePicker
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.layer_picker import LayerPicker
from napari_selfreg.widgets.layers import ORIGIN_KEY, Picture, pixel_size_of
from napari_selfreg.widgets.model_picker import ModelPicker
from napari_selfreg.widgets.pixel_size_edit import PixelSizeEdit
from napari_selfreg.widgets.preview import Preview
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.segment_job import run_segment
from napari_selfreg.widgets.segment_setup import (
    SegmentSettings,
    take_request,
    what_is_missing,
)
from napari_selfreg.widgets.sentences import GREY, describe_failure, describe_result
from napari_selfreg.widgets.terms_notice import TermsNotice

logger = logging.getLogger(__name__)

_SHAPES_POLL_MS = 300
_SHORTCUTS = {"Ctrl+Return": "run", "Ctrl+Enter": "run", "Esc": "cancel"}


@dataclass(slots=True)
class _Run:
    """The job in progress, seen from the window."""

    layer_id: Hashable
    picture: Picture
    preview: Preview
    model_name: str
    began: float = field(default_factory=time.monotonic)
    notices: list[str] = field(default_factory=list)
    reason: str = "Cancelled: nothing was added."


class SegmentPanel(QWidget):
    """Segments the picture in one image layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its images are offered, its view and shapes choose the area.
    parent : QWidget, optional
        Parent of the panel.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package without it.
    job : callable
        Generator function that takes a `PanelRequest`, yields events and returns the objects.

    Attributes
    ----------
    valueChanged : Signal()
        A setting has changed.
    segmented : Signal(object)
        The Labels layer of a finished run.
    """

    valueChanged = Signal()
    segmented = Signal(object)

    def __init__(
        self,
        napari_viewer: Any,
        parent: QWidget | None = None,
        *,
        models: Mapping[str, Path] | None = None,
        job: Job = run_segment,
    ) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._job = job
        self._run: _Run | None = None
        self._last_words = ""
        self._pixel_sizes: dict[Hashable, PixelSize] = {}
        self.runner = JobRunner(self)
        self.model_picker = ModelPicker(models)
        self.terms_notice = TermsNotice()
        self.layer_picker = LayerPicker(napari_viewer)
        self.pixel_size_edit = PixelSizeEdit()
        self.area_picker = AreaPicker()
        self.device_picker = DevicePicker()
        self.run_button = QPushButton()
        self.progress_row = ProgressRow()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._arrange()
        self._connect()
        self._on_model()
        self._on_layer()

    def value(self) -> SegmentSettings:
        """Return the settings."""
        return SegmentSettings(
            self.model_picker.value(),
            self.pixel_size_edit.value(),
            self.area_picker.value(),
            self.device_picker.value(),
        )

    def setValue(self, value: SegmentSettings) -> None:
        """Change the settings, as a person would."""
        if value.model is not None:
            self.model_picker.setValue(value.model)
        self.pixel_size_edit.setValue(value.pixel_size)
        self.area_picker.setValue(value.scope)
        self.device_picker.setValue(value.device)

    def run(self) -> None:
        """Start, unless something is missing."""
        card = self.model_picker.card()
        if self.runner.running or self._missing() or card is None:
            return
        layer = self.layer_picker.value()
        try:
            request = take_request(self._viewer, layer, self.value(), card)
        except SelfRegError as error:
            self._conclude(str(error))
            return
        preview = Preview(self._viewer, layer, request.picture, request.box)
        self._run = _Run(layer.unique_id, request.picture, preview, card.name)
        if request.picture.is_grey:
            self._run.notices.append(GREY)
        self.progress_row.start()
        self.status.setText("Waiting until another job has ended…")
        self.runner.start(self._job, request)
        self._refresh()

    def cancel(self) -> None:
        """Stop at the next tile."""
        if self.runner.running:
            self.runner.cancel()
            self._refresh()

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model_picker)
        form.addRow("Image", self.layer_picker)
        form.addRow("Pixel size", self.pixel_size_edit)
        form.addRow("Area", self.area_picker)
        form.addRow("Device", self.device_picker)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.terms_notice)
        column.addWidget(self.run_button)
        column.addWidget(self.progress_row)
        column.addWidget(self.status)
        column.addStretch(1)

    def _connect(self) -> None:
        self.model_picker.valueChanged.connect(self._on_model)
        self.layer_picker.valueChanged.connect(self._on_layer)
        self.pixel_size_edit.edited.connect(self._on_pixel_size)
        for part in (self.pixel_size_edit, self.area_picker, self.device_picker):
            part.valueChanged.connect(self._on_setting)
        self.terms_notice.accepted.connect(self._on_setting)
        self.run_button.clicked.connect(self._on_button)
        self.runner.started.connect(self._on_started)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self._viewer.layers.events.removed.connect(self._on_removed)
        for keys, method in _SHORTCUTS.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(getattr(self, method))
        # Selecting a shape or turning the view is announced in too many ways to follow them all.
        self._poll = QTimer(self)
        self._poll.setInterval(_SHAPES_POLL_MS)
        self._poll.timeout.connect(self._refresh)

    def _missing(self) -> str:
        if self.model_picker.problem():
            return self.model_picker.problem()
        missing = what_is_missing(self._viewer, self.layer_picker.value(), self.value())
        if not missing and self.terms_notice.pending:
            return "Please read the terms of this model first."
        return missing

    def _refresh(self) -> None:
        """Bring button and status in line with what is set and what runs."""
        if self.runner.running:
            # Never disabled meanwhile: it would lose the focus, and the keys would go elsewhere.
            self.run_button.setText("Stopping…" if self.runner.cancelling else "Cancel")
            self.run_button.setToolTip("Stop after the current tile (Esc)")
        else:
            missing = self._missing()
            self.run_button.setText("Run")
            self.run_button.setToolTip(missing or "Find the objects (Ctrl+Enter)")
            self.run_button.setEnabled(not missing)
            self.status.setText(missing or self._last_words)

    def _on_setting(self) -> None:
        self._last_words = ""
        if self.area_picker.value() == "whole":
            self._poll.stop()
        else:
            self._poll.start()
        self._refresh()
        self.valueChanged.emit()

    def _on_model(self) -> None:
        card = self.model_picker.card()
        self.terms_notice.setCard(card)
        self.pixel_size_edit.setModelSize(card.pixel_size if card else None)
        self._on_setting()

    def _on_layer(self) -> None:
        layer = self.layer_picker.value()
        chosen = self._pixel_sizes.get(layer.unique_id) if layer is not None else None
        stated = pixel_size_of(layer) if layer is not None else None
        if chosen is not None:
            self.pixel_size_edit.setValue(chosen, "chosen here")
        elif stated is not None and plausible(stated):
            origin = str(layer.metadata.get(ORIGIN_KEY, "stated by the image"))
            self.pixel_size_edit.setValue(stated, origin)
        else:
            self.pixel_size_edit.setValue(None)
        self._on_setting()

    def _on_pixel_size(self) -> None:
        """Remember what a person has chosen for this image."""
        layer, size = self.layer_picker.value(), self.pixel_size_edit.value()
        if layer is not None and size is not None:
            self._pixel_sizes[layer.unique_id] = size

    def _on_button(self) -> None:
        if self.runner.running:
            self.cancel()
        else:
            self.run()

    def _on_started(self) -> None:
        self.status.setText("Starting…")

    def _on_events(self, events: tuple[Event, ...]) -> None:
        run = self._run
        if run is None or self.runner.cancelling:
            return
        run.preview.show(event for event in events if isinstance(event, TileDone))
        for event in events:
            if isinstance(event, Notice):
                run.notices.append(event.message)
            elif isinstance(event, (Progress, TileDone)):
                self.progress_row.setProgress(event.done, event.total)
            if isinstance(event, TileDone):
                self.status.setText(f"Finding objects: part {event.done} of {event.total}")
            elif isinstance(event, Progress) and event.message:
                self.status.setText(f"{event.message}…")

    def _on_finished(self, result: Any) -> None:
        run = self._end_run()
        layer = self._find(run.layer_id)
        if layer is None or not run.picture.fits(layer):
            self._conclude("The image has changed meanwhile, so nothing was added.")
            return
        name = f"{layer.name} {run.model_name}"
        try:
            added = add_result(self._viewer, layer, run.picture, result, name)
        except Exception as error:
            logger.exception("the result could not be shown")
            self._tell_failure(error)
            return
        found = describe_result(len(result.table["index"]), time.monotonic() - run.began)
        self._conclude(" ".join([found, *run.notices, *result.notes]))
        self.segmented.emit(added)

    def _on_failed(self, error: Exception) -> None:
        self._end_run()
        self._tell_failure(error)

    def _tell_failure(self, error: Exception) -> None:
        text = describe_failure(error)
        show_error(text)
        self._conclude(text)

    def _on_cancelled(self) -> None:
        self._conclude(self._end_run().reason)

    def _on_removed(self, event: Any) -> None:
        """End the job when its image is removed; a removed preview is just not drawn any more."""
        run = self._run
        if not alive(self) or run is None or event.value.unique_id != run.layer_id:
            return
        run.reason = "The image was removed, so the job has stopped."
        self.cancel()

    def _end_run(self) -> _Run:
        run, self._run = self._run, None
        assert run is not None  # the runner ends each job exactly once
        run.preview.remove()
        self.progress_row.stop()
        return run

    def _conclude(self, text: str) -> None:
        self._last_words = text
        self._refresh()

    def _find(self, layer_id: Hashable) -> Any:
        return next((each for each in self._viewer.layers if each.unique_id == layer_id), None)
