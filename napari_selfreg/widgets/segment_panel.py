"""The Segment panel: model, image, area, Run; the result is a new Labels layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QGroupBox, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.memory import free_memory
from napari_selfreg.widgets.batch_run import BatchRun
from napari_selfreg.widgets.canvas_guard import guard_canvas
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.fit_check import FitCheck
from napari_selfreg.widgets.guards import take_double_for_one
from napari_selfreg.widgets.model_drops import ModelDrops
from napari_selfreg.widgets.object_settings import ObjectSettings
from napari_selfreg.widgets.object_sliders import ObjectSliders
from napari_selfreg.widgets.preload import Preloader
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.relabeller import Relabeller
from napari_selfreg.widgets.run_question import RunQuestion, cost_of
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.segment_form import SegmentForm
from napari_selfreg.widgets.segment_job import run_segment
from napari_selfreg.widgets.segment_run import SegmentRun
from napari_selfreg.widgets.segment_setup import SegmentSettings, take_request
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.shortcuts import add_shortcuts
from napari_selfreg.widgets.terms_notice import READ_TERMS, TermsNotice
from napari_selfreg.widgets.try_all import TryRequest, find_candidates
from napari_selfreg.widgets.try_all_dialog import TryAllDialog
from napari_selfreg.widgets.version_in_use import VersionInUse
from napari_selfreg.widgets.volume.form import ONLY_PICTURES, explain_objects
from napari_selfreg.widgets.volume.layers import is_volume
from napari_selfreg.widgets.volume.run import VolumeRun

_POLL_MS = 300
ONE_RUN = "Another run is at work: wait until it has ended, or cancel it in the Segment panel."


class SegmentPanel(QWidget):
    """Segments the picture in one image layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its images are offered, its view and shapes choose the area.
    parent : QWidget, optional
        Parent of the panel.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
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
        share_one_place(self)
        self._viewer = napari_viewer
        guard_canvas(napari_viewer)
        self._last_words = ""
        self.shared = shared_for(napari_viewer)
        self.form = SegmentForm(napari_viewer, models)
        self.model_picker = self.form.model_picker
        self.layer_picker = self.form.layer_picker
        self.pixel_size_edit = self.form.pixel_size_edit
        self.area_picker = self.form.area_picker
        self.device_picker = self.form.advanced.device_picker
        self.control = SegmentRun(napari_viewer, self, job)
        self.runner = self.control.runner
        self.volumes = VolumeRun(napari_viewer, self)
        self.batch = BatchRun(self.shared, self)
        self.relabeller = Relabeller(napari_viewer, self)
        self.fit_check = FitCheck(napari_viewer, self)
        self.drops = ModelDrops(self)
        self.version_in_use = VersionInUse(self.shared, self.model_picker, self)
        self.terms_notice = TermsNotice()
        self.warning = sentence_label()
        self.warning.hide()
        self.question = RunQuestion()
        self.run_button = QPushButton()
        take_double_for_one(self.run_button)
        self.progress_row = ProgressRow()
        self.status = sentence_label()
        self.sliders = ObjectSliders()
        self.object_settings = ObjectSettings(
            self.sliders, self.relabeller, self.model_picker, self
        )
        self.try_all_dialog: TryAllDialog | None = None
        self._arrange()
        self._connect()
        self._on_model()
        self._on_layer()
        self._on_setting()
        self.version_in_use.told.connect(self._conclude)
        self.version_in_use.look()
        Preloader(self)

    def value(self) -> SegmentSettings:
        """Return the settings."""
        return self.form.value(self.object_settings.value())

    def setValue(self, value: SegmentSettings) -> None:
        """Change the settings, as a person would."""
        self.form.setValue(value)
        if value.settings is not None:
            self.object_settings.setValue(value.settings)

    def run(self) -> None:
        """Start, unless something is missing; asks first if it will be long."""
        self._run(ask=True)

    def cancel(self) -> None:
        """Stop at the next tile; what is finished is kept."""
        if self.batch.runner.running:
            self.batch.cancel()
        elif self.volumes.runner.running:
            self.volumes.runner.cancel()
        elif self.runner.running:
            self.control.cancel()
        self._refresh()

    def run_on_all(self) -> None:
        """Segment all fields of the Open panel with these settings."""
        card = self.model_picker.card()
        if self._running() or card is None or self.terms_notice.pending:
            self._refuse_all()
            return
        self.progress_row.start()
        self.batch.start(self.value(), card)
        self._refresh()

    def _refuse_all(self) -> None:
        """Say why not all fields are segmented now, where a person has asked for it too."""
        if self._running():
            words = ONE_RUN
        elif self.model_picker.card() is None:
            words = self.form.missing()
        else:
            words = f"{READ_TERMS} They are in the Segment panel."
            self._conclude(READ_TERMS)
        self.batch.say_on_list(words)

    def try_all(self) -> None:
        """Show every fitting model on the current view."""
        layer, size = self.layer_picker.value(), self.pixel_size_edit.value()
        card = self.model_picker.card()
        if is_volume(layer):
            self._conclude(ONLY_PICTURES)
            return
        if layer is None or size is None or card is None:
            self._conclude(self.form.missing())
            return
        try:
            request = take_request(self._viewer, layer, self._on_view(), card)
        except SelfRegError as error:
            self._conclude(str(error))
            return
        candidates = find_candidates(self.model_picker.entries(), size)
        self.try_all_dialog = TryAllDialog(TryRequest(request, candidates), self)
        self.try_all_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.try_all_dialog.chosen.connect(self.model_picker.setValue)
        self.try_all_dialog.finished.connect(self._on_tried)
        self.try_all_dialog.show()

    def _run(self, ask: bool) -> None:
        card = self.model_picker.card()
        if self._running() or self._missing() or card is None:
            return
        layer = self.layer_picker.value()
        try:
            if is_volume(layer):
                self.volumes.start(layer, self.value(), card)
                self.progress_row.start()
                self._refresh()
                return
            request = take_request(self._viewer, layer, self.value(), card)
        except SelfRegError as error:
            self._conclude(str(error))
            return
        cost, free = cost_of(request, card), free_memory()
        if ask and cost.is_large(free):
            self.question.ask(cost, free, self.area_picker.value())
            return
        self.question.hide()
        self.progress_row.start()
        self.control.start(layer, request, card)
        self._refresh()

    def _arrange(self) -> None:
        self.objects = objects = QGroupBox("Objects")
        objects.setToolTip("These act at once on the result, without a new run")
        inside = QVBoxLayout(objects)
        inside.addWidget(self.sliders)
        column = QVBoxLayout(self)
        for part in (
            self.form,
            self.version_in_use.label,
            self.terms_notice,
            self.warning,
            self.question,
            self.run_button,
            self.progress_row,
            self.status,
            objects,
        ):
            column.addWidget(part)
        column.addStretch(1)

    def _connect(self) -> None:
        self.form.modelChanged.connect(self._on_model)
        self.form.valueChanged.connect(self._on_setting)
        self.terms_notice.accepted.connect(self._on_setting)
        self.model_picker.told.connect(self._conclude)
        self.model_picker.tryAllWanted.connect(self.try_all)
        self.drops.dropped.connect(self.model_picker.addFiles)
        self.question.accepted.connect(self._run_anyway)
        self.question.viewWanted.connect(self._run_view)
        self.run_button.clicked.connect(self._on_button)
        self.form.layer_picker.valueChanged.connect(self._on_layer)
        for job in (self.control, self.batch, self.volumes):
            job.told.connect(self.status.setText)
            job.progressed.connect(self.progress_row.setProgress)
            job.concluded.connect(self._on_concluded)
        self.control.segmented.connect(self._on_segmented)
        self.volumes.segmented.connect(self._on_volume)
        self.object_settings.moved.connect(self.valueChanged)
        self.object_settings.turned.connect(self._on_layer)
        self.relabeller.relabelled.connect(self.shared.resultChanged)
        self.relabeller.told.connect(self._conclude)
        self.fit_check.warned.connect(self._on_warning)
        self.shared.runAllRequested.connect(self.run_on_all)
        self.shared.cancelAllRequested.connect(self._on_cancel_all)
        self.shared.pixelSizeChanged.connect(self.form.forget_pixel_size)
        self.shared.modelDropped.connect(self._on_model_dropped)
        self.shared.modelWanted.connect(self.model_picker.setValue)
        keys = {"Ctrl+Return": self.run, "Ctrl+Enter": self.run, "Esc": self.cancel}
        add_shortcuts(self, keys)
        # Selecting a shape or turning the view is announced in too many ways to follow them all.
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._on_poll)
        self._poll.start()

    def _missing(self) -> str:
        missing = self.form.missing()
        return READ_TERMS if not missing and self.terms_notice.pending else missing

    def _running(self) -> bool:
        runners = (self.runner, self.batch.runner, self.volumes.runner)
        return any(runner.running for runner in runners)

    def _refresh(self) -> None:
        """Bring button and status in line with what is set and what runs."""
        if self._running():
            # Never disabled meanwhile: it would lose the focus, and the keys would go elsewhere.
            stopping = self.control.stopping or self.batch.runner.cancelling
            stopping = stopping or self.volumes.runner.cancelling
            self.run_button.setText("Stopping…" if stopping else "Cancel")
            self.run_button.setToolTip("Stop after the current tile; what is found is kept (Esc)")
        else:
            missing = self._missing()
            self.run_button.setText("Run")
            self.run_button.setToolTip(missing or "Find the objects (Ctrl+Enter)")
            self.run_button.setEnabled(not missing)
            self.status.setText(missing or self._last_words)

    def _on_poll(self) -> None:
        if not self._running():
            self._refresh()
            if self.isVisible():
                self._look()

    def _look(self) -> None:
        self.fit_check.look(
            self.layer_picker.value(), self.pixel_size_edit.value(), self.model_picker.card()
        )

    def _on_setting(self) -> None:
        self._last_words = ""
        self.question.hide()
        self._refresh()
        self.valueChanged.emit()

    def _on_model(self) -> None:
        card = self.model_picker.card()
        self.terms_notice.setCard(card)
        self.shared.set_card(card)
        self.object_settings.suit_model()

    def _on_model_dropped(self, path: Path) -> None:
        self.model_picker.addFiles([path])

    def _on_button(self) -> None:
        if self._running():
            self.cancel()
        else:
            self.run()

    def _on_tried(self) -> None:
        """Take note of terms that were read while models were tried."""
        self.terms_notice.setCard(self.model_picker.card())
        self._refresh()

    def _on_cancel_all(self) -> None:
        if self.batch.runner.running:
            self.cancel()

    def _run_anyway(self) -> None:
        self._run(ask=False)

    def _run_view(self) -> None:
        self.area_picker.setValue("view")
        self.run()

    def _on_view(self) -> SegmentSettings:
        settings = self.value()
        return SegmentSettings(
            settings.model,
            settings.pixel_size,
            "view",
            settings.device,
            precision=settings.precision,
            skip_glass=settings.skip_glass,
        )

    def _on_segmented(self, layer: Any, picture: Any) -> None:
        self.relabeller.take(layer, picture)
        self.shared.resultChanged.emit(layer)
        self.segmented.emit(layer)

    def _on_volume(self, layer: Any) -> None:
        self.shared.resultChanged.emit(layer)
        self.segmented.emit(layer)

    def _on_layer(self) -> None:
        stranger = self.object_settings.stranger()
        explain_objects(self.objects, self.layer_picker.value(), stranger)

    def _on_warning(self, text: str) -> None:
        self.warning.setText(f"⚠ {text}" if text else "")
        self.warning.setVisible(bool(text))

    def _on_concluded(self, text: str) -> None:
        self.progress_row.stop()
        self._conclude(text)

    def _conclude(self, text: str) -> None:
        self._last_words = text
        self._refresh()
