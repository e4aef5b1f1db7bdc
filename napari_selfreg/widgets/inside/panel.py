"""The panel Look inside: what every block of one or two networks sees."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QPushButton, QTabWidget, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.engine.events import Event, Progress, TileDone
from napari_selfreg.widgets.canvas_guard import guard_canvas
from napari_selfreg.widgets.correct.window_watch import WindowWatch
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.guards import alive, take_double_for_one
from napari_selfreg.widgets.inside.attention_target import AttentionTarget
from napari_selfreg.widgets.inside.dimensions import (
    job_for,
    reason_not_to_follow,
    request_for,
    seen_words,
)
from napari_selfreg.widgets.inside.fields_job import (
    NO_SIZES,
    FieldNumbers,
    FieldsRequest,
    known_sizes,
    measure_fields,
)
from napari_selfreg.widgets.inside.look_form import LookForm
from napari_selfreg.widgets.inside.looking import (
    Looked,
    LookRequest,
    Source,
    names_of,
    run_look,
)
from napari_selfreg.widgets.inside.maps_view import MapsView
from napari_selfreg.widgets.inside.pointing import CameraRest
from napari_selfreg.widgets.inside.redundancy_view import RedundancyView, is_measured
from napari_selfreg.widgets.preload import Preloader
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.sentences import STARTING, WAITING, describe_failure
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.shortcuts import add_shortcuts
from napari_selfreg.widgets.terms_notice import READ_TERMS
from napari_selfreg.widgets.volume.form import give_reason

_POLL_MS = 300


class InsidePanel(QWidget):
    """Shows feature maps of one or two networks on the tissue, and how alike channels are.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its images are offered.
    parent : QWidget, optional
        Parent of the panel.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
    sources : sequence of Source
        Networks that are no files; the first one is chosen.
    job : callable
        Generator function that takes a `LookRequest`, yields events and returns a `Looked`.
    fields_job : callable
        The same for a `FieldsRequest` and `FieldNumbers`.

    Attributes
    ----------
    looked : Signal(object)
        A look has ended: its `Looked`.
    """

    looked = Signal(object)

    def __init__(
        self,
        napari_viewer: Any,
        parent: QWidget | None = None,
        *,
        models: Mapping[str, Path] | None = None,
        sources: Sequence[Source] = (),
        job: Job = run_look,
        fields_job: Job = measure_fields,
    ) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self._job, self._fields_job = job, fields_job
        self._last_words = ""
        self._again = False
        self._layer_id: object = None
        self._versions: tuple[str, ...] = ()
        guard_canvas(napari_viewer)
        self.shared = shared_for(napari_viewer)
        self.form = LookForm(napari_viewer, models, sources)
        self.show_button = QPushButton("Show")
        take_double_for_one(self.show_button)
        self.progress_row = ProgressRow()
        self.status = sentence_label()
        self.maps = MapsView(napari_viewer)
        self.target = AttentionTarget(napari_viewer, self.maps.form.target, self)
        self.redundancy = RedundancyView()
        self.tabs = QTabWidget()
        self.runner = JobRunner(self)
        self.camera = CameraRest(napari_viewer, self)
        self.watch = WindowWatch(self)
        self._arrange()
        self._connect()
        self._offer()
        self._on_fields()
        Preloader(self)

    def show_maps(self) -> None:
        """Look, unless something is missing or a look is under way."""
        sources, layer = self.form.sources(), self.form.layer_picker.value()
        if self.runner.running or self.form.missing() or not sources:
            return
        try:
            request = self._request(sources, layer)
        except SelfRegError as error:
            self._conclude(str(error))
            return
        self._last_words, self._layer_id = "", request.layer_id
        self.progress_row.start()
        self.runner.start(job_for(request, self._job), request)
        self.status.setText(WAITING)
        self._refresh()

    def measure_fields(self) -> None:
        """Measure the blocks on all fields of the Open panel."""
        sources, (fields, notes) = self.form.sources(), known_sizes(self.shared.fields or ())
        if self.runner.running or not sources:
            return
        if self.form.terms_notice.pending:
            self.status.setText(READ_TERMS)  # before what else a look at one image would lack
            return
        if not fields:
            self._conclude(NO_SIZES)
            return
        self.progress_row.start()
        device = self.form.value().device
        request = FieldsRequest(fields, sources, names_of(sources), device, notes)
        self.runner.start(self._fields_job, request)
        self._refresh()

    def cancel(self) -> None:
        """Stop the look; what is on the canvas stays."""
        self._again = False
        self.runner.cancel()
        self._refresh()

    def clear(self) -> None:
        """Take our layers away, free what was seen, and look no further."""
        self.cancel()
        self.maps.clear()
        self.redundancy.clear()
        self.maps.form.follow.setChecked(False)
        self.target.forget()
        self._conclude("")

    def _request(self, sources: tuple[Source, ...], layer: Any) -> LookRequest:
        target = self.target if self._wants_attention() else None
        settings, numbers = self.form.value(), self._wants_numbers()
        return request_for(self._viewer, layer, settings, sources, target, numbers)

    def _wants_numbers(self) -> bool:
        return self.tabs.currentWidget() is self.redundancy

    def _wants_attention(self) -> bool:
        form = self.maps.form
        ranked = form.kind().name == "channel" and form.channels.by() == "importance"
        return ranked or form.kind().name == "attention"

    def _arrange(self) -> None:
        self.tabs.addTab(self.maps, "Maps")
        self.tabs.addTab(self.redundancy, "Redundancy")
        self.tabs.setTabToolTip(0, "What every block sees, as layers on the tissue")
        self.tabs.setTabToolTip(1, "How alike the channels of every block are, in numbers")
        column = QVBoxLayout(self)
        for part in (self.form, self.show_button, self.progress_row, self.status, self.tabs):
            column.addWidget(part)
        column.addStretch(1)

    def _connect(self) -> None:
        self.form.valueChanged.connect(self._on_setting)
        self.form.told.connect(self._conclude)
        self.show_button.clicked.connect(self._on_button)
        self.maps.form.clear_button.clicked.connect(self.clear)
        self.target.changed.connect(self._on_target)
        self.target.told.connect(self._conclude)
        self.maps.form.follow.toggled.connect(self._on_follow)
        self.maps.attentionWanted.connect(self._look_again)
        self.maps.objectPointed.connect(self._on_object)
        self.redundancy.fieldsWanted.connect(self.measure_fields)
        self.shared.fieldsChanged.connect(self._on_fields)
        self.redundancy.pairWanted.connect(self.maps.show_pair)
        self.tabs.currentChanged.connect(_while_it_lives(self))
        self.camera.rested.connect(self._on_rest)
        self.runner.started.connect(self._on_started)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self.shared.projectChanged.connect(self._offer)
        self.shared.pixelSizeChanged.connect(self.form.forget_pixel_size)
        # Not a slot of our own: a panel that is being taken apart has none any more.
        for part in (self.camera.stop, self.maps.clear, self.redundancy.clear):
            self.watch.left.connect(part)
        self._viewer.layers.events.removed.connect(self._on_removed)
        keys = {"Ctrl+Return": self.show_maps, "Ctrl+Enter": self.show_maps, "Esc": self.cancel}
        add_shortcuts(self, keys)
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._on_poll)
        self._poll.start()

    def _offer(self) -> None:
        if alive(self):
            self.form.offer(self.shared.project, self.shared.card)
            self._on_setting()

    def _refresh(self) -> None:
        """Bring button and status in line with what is set and what runs."""
        if self.runner.running:
            # Never disabled meanwhile: it would lose the focus, and the keys would go elsewhere.
            self.show_button.setText("Stopping…" if self.runner.cancelling else "Cancel")
            self.show_button.setToolTip("Stop looking; what is on the canvas stays (Esc)")
            return
        missing = self.form.missing()
        self.show_button.setText("Show")
        self.show_button.setToolTip(missing or "Look inside and show the maps (Ctrl+Enter)")
        self.show_button.setEnabled(not missing)
        self.status.setText(missing or self._last_words)

    def _on_poll(self) -> None:
        project = self.shared.project
        seen = tuple(each.id for each in project.versions.all) if project is not None else ()
        if seen != self._versions and not self.runner.running:  # a fine-tuning has ended
            self._versions = seen
            self._offer()
        else:
            self._refresh()

    def _on_button(self) -> None:
        if self.runner.running:
            self.cancel()
        else:
            self.show_maps()

    def _on_setting(self) -> None:
        sources = self.form.sources()
        give_reason(reason_not_to_follow(self.form.layer_picker.value()), self.maps.form.follow)
        if sources and self.maps.looked is None:
            for strip in (self.maps.form.blocks, self.redundancy.blocks):
                strip.setBlocks(sources[0].blocks)
        self._last_words = ""
        self._refresh()

    def _on_started(self) -> None:
        self.status.setText(STARTING)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, (Progress, TileDone)):
                self.progress_row.setProgress(event.done, event.total)
            if isinstance(event, Progress) and event.message:
                self.status.setText(f"{event.message}…")

    def _on_finished(self, result: Looked | FieldNumbers) -> None:
        self.progress_row.stop()
        if isinstance(result, FieldNumbers):
            self.redundancy.show_fields(result)
            self._refresh()
        else:
            self._show(result)

    def _show(self, looked: Looked) -> None:
        if len(looked.insides) > 1:
            self.maps.form.side_by_side.setChecked(True)
        self.maps.show_looked(looked)
        if is_measured(looked):
            self.redundancy.show_looked(looked)
        else:
            self.redundancy.clear()
        self._conclude(" ".join([seen_words(looked), *looked.notes]))
        self.looked.emit(looked)
        self._maybe_again()

    def _on_failed(self, error: Exception) -> None:
        self.progress_row.stop()
        self._conclude(describe_failure(error))

    def _on_cancelled(self) -> None:
        self.progress_row.stop()
        self._conclude("Cancelled.")
        self._maybe_again()

    def _maybe_again(self) -> None:
        again, self._again = self._again, False
        if again and self.window().isVisible():  # else the panel was closed meanwhile
            self.show_maps()

    def _look_again(self) -> None:
        """Look now, or as soon as the present look has ended."""
        if self.runner.running:
            self._again = True
            self.runner.cancel()
        else:
            self.show_maps()

    def _on_target(self) -> None:
        if self.maps.looked is not None and self._wants_attention():
            self._look_again()

    def _on_object(self, position: Any) -> None:
        if self.maps.looked is not None:
            self.target.click(position)

    def measure_if_seen(self) -> None:
        """Measure what is on the canvas already, once somebody looks at the numbers."""
        if self._wants_numbers() and self.maps.looked and not is_measured(self.maps.looked):
            self._look_again()

    def _on_fields(self) -> None:
        if alive(self):
            pictures = [each for each in self.shared.fields or () if not each.is_volume]
            self.redundancy.fields_button.setVisible(len(pictures) > 1)

    def _on_follow(self, on: bool) -> None:
        self.camera.on = on
        if on:
            self.form.setScope("view")
            self._look_again()

    def _on_rest(self) -> None:
        if self.camera.on and self.maps.looked is not None and self.form.scope() == "view":
            self._look_again()

    def _on_removed(self, event: Any) -> None:
        if not alive(self):
            return
        looked, removed = self.maps.looked, event.value.unique_id
        if looked is not None and removed == looked.request.layer_id:
            self.clear()
        elif self.runner.running and removed == self._layer_id:
            self.cancel()

    def _conclude(self, text: str) -> None:
        self._last_words = text
        self._refresh()


def _while_it_lives(panel: InsidePanel) -> Callable[[int], None]:
    """Return a slot for tabs, which change once more while their panel is taken apart."""
    known = weakref.ref(panel)

    def changed(index: int) -> None:
        found = known()
        if found is not None and alive(found):
            found.measure_if_seen()

    return changed
