"""The Segment panel: model, image, area, Run; the result is a new Labels layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.segment_form import SegmentForm
from napari_selfreg.widgets.segment_job import run_segment
from napari_selfreg.widgets.segment_run import SegmentRun
from napari_selfreg.widgets.segment_setup import SegmentSettings, take_request
from napari_selfreg.widgets.terms_notice import TermsNotice

_SHAPES_POLL_MS = 300
_SHORTCUTS = {"Ctrl+Return": "run", "Ctrl+Enter": "run", "Esc": "cancel"}


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
        self._last_words = ""
        self.form = SegmentForm(napari_viewer, models)
        self.model_picker = self.form.model_picker
        self.layer_picker = self.form.layer_picker
        self.pixel_size_edit = self.form.pixel_size_edit
        self.area_picker = self.form.area_picker
        self.device_picker = self.form.device_picker
        self.control = SegmentRun(napari_viewer, self, job)
        self.runner = self.control.runner
        self.terms_notice = TermsNotice()
        self.run_button = QPushButton()
        self.progress_row = ProgressRow()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._arrange()
        self._connect()
        self._on_model()
        self._on_setting()

    def value(self) -> SegmentSettings:
        """Return the settings."""
        return self.form.value()

    def setValue(self, value: SegmentSettings) -> None:
        """Change the settings, as a person would."""
        self.form.setValue(value)

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
        self.progress_row.start()
        self.control.start(layer, request, card)
        self._refresh()

    def cancel(self) -> None:
        """Stop at the next tile."""
        if self.runner.running:
            self.control.cancel()
            self._refresh()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        for part in (
            self.form,
            self.terms_notice,
            self.run_button,
            self.progress_row,
            self.status,
        ):
            column.addWidget(part)
        column.addStretch(1)

    def _connect(self) -> None:
        self.form.modelChanged.connect(self._on_model)
        self.form.valueChanged.connect(self._on_setting)
        self.terms_notice.accepted.connect(self._on_setting)
        self.run_button.clicked.connect(self._on_button)
        self.control.told.connect(self.status.setText)
        self.control.progressed.connect(self.progress_row.setProgress)
        self.control.segmented.connect(self.segmented)
        self.control.concluded.connect(self._on_concluded)
        for keys, method in _SHORTCUTS.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(getattr(self, method))
        # Selecting a shape or turning the view is announced in too many ways to follow them all.
        self._poll = QTimer(self)
        self._poll.setInterval(_SHAPES_POLL_MS)
        self._poll.timeout.connect(self._refresh)

    def _missing(self) -> str:
        missing = self.form.missing()
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
        self.terms_notice.setCard(self.model_picker.card())

    def _on_button(self) -> None:
        if self.runner.running:
            self.cancel()
        else:
            self.run()

    def _on_concluded(self, text: str) -> None:
        self.progress_row.stop()
        self._conclude(text)

    def _conclude(self, text: str) -> None:
        self._last_words = text
        self._refresh()
