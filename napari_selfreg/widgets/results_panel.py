"""The Results panel: totals, table, histogram, and the ways out and in."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_selfreg.core.totals import Totals
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.folder_totals import folder_totals
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.latest import Latest
from napari_selfreg.widgets.marks import Marks
from napari_selfreg.widgets.object_link import ObjectLink
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.result_plane import feature_rows, is_aligned, label_view, table_of
from napari_selfreg.widgets.results_actions import ResultsActions
from napari_selfreg.widgets.results_form import FOR_PICTURES, ResultsForm
from napari_selfreg.widgets.results_job import Survey, survey, view_totals
from napari_selfreg.widgets.results_snapshot import take_snapshot
from napari_selfreg.widgets.saved_totals import SavedTotals
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.volume.result_info import is_volume_result

NO_RESULT = (
    "There are no objects yet: find some in the Segment panel, or import labels onto the image."
)

_CHANGED_MS = 500
_CAMERA_MS = 250


class ResultsPanel(QWidget):
    """Shows what was found, and hands it over.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its results are offered.
    parent : QWidget, optional
        Parent of the panel.

    Attributes
    ----------
    survey : Survey or None
        What is known of the chosen result; None until it was looked at.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self._layer: Any = None
        self.survey: Survey | None = None
        self.shared = shared_for(napari_viewer)
        self.form = ResultsForm(napari_viewer)
        self.link = ObjectLink(napari_viewer, self)
        self.marks = Marks(napari_viewer, self)
        self.tasks = ResultsActions(napari_viewer, self.form, self)
        self._surveys = Latest(self)
        self._views = Latest(self)
        self.saved = SavedTotals(self)
        self._appeared = single_shot(self, 0, self._on_shown)
        self._changed = single_shot(self, _CHANGED_MS, self._look)
        self._moved = single_shot(self, _CAMERA_MS, self._look_at_view)
        self._fields = single_shot(self, _CHANGED_MS, self._show_folder)
        column = QVBoxLayout(self)
        column.addWidget(self.form)
        self._connect()
        self._on_layer()

    @property
    def busy(self) -> bool:
        """Whether anything shown is about to change."""
        timers = self._changed.isActive() or self._moved.isActive()
        return (
            timers
            or self._surveys.running
            or self._views.running
            or self.saved.busy
            or self.marks.busy
            or self.form.volume.busy
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed meanwhile."""
        super().showEvent(event)
        self._appeared.start()

    def _connect(self) -> None:
        form = self.form
        form.picker.valueChanged.connect(self._on_layer)
        form.histogram.rangeChanged.connect(self._on_range)
        form.table_button.clicked.connect(self._on_table)
        self.link.selected.connect(form.histogram.setSelected)
        self._surveys.done.connect(self._on_survey)
        self._views.done.connect(self._on_view)
        self.saved.changed.connect(self._fields.start)
        self.shared.resultChanged.connect(self._on_result)
        self.shared.pixelSizeChanged.connect(self._on_edit)
        self.shared.fieldsChanged.connect(self._fields.start)
        self.shared.fieldChanged.connect(self._on_field)
        self._viewer.scene.camera.events.connect(self._on_camera)
        self._viewer.canvas.events.size.connect(self._on_camera)
        shortcut = QShortcut(QKeySequence("Esc"), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.tasks.cancel)

    def _on_shown(self) -> None:
        if alive(self) and self.isVisible():
            self.form.histogram.load()
            self._look()

    def _on_layer(self) -> None:
        """Turn to another result."""
        for counts in (self._surveys, self._views):  # of the one before
            counts.clear()
        for emitter in self._edits():
            emitter.disconnect(self._on_edit)
        chosen = self.form.picker.value()
        volume = chosen if is_volume_result(chosen) else None
        self._layer, self.survey = None if volume is not None else chosen, None
        self.form.show_volume(volume)
        self.marks.clear()
        self.link.setLayer(self._layer)
        self.form.histogram.setTable({})
        self._show_totals(None)
        self.tasks.setLayer(self._layer)
        if self._layer is not None:
            for emitter in self._edits():
                emitter.connect(self._on_edit)
            self._look()
        else:
            self.tasks.tell(NO_RESULT if volume is None else FOR_PICTURES)

    def _edits(self) -> list[Any]:
        """Return what tells that a person has changed the objects."""
        if self._layer is None:
            return []
        return [getattr(self._layer.events, name) for name in ("data", "set_data", "paint")]

    def _on_result(self, layer: Any) -> None:
        if layer is self._layer:
            self._changed.start()
        elif layer in self._viewer.layers:
            self.form.picker.setValue(layer)

    def _on_edit(self, event: Any = None) -> None:
        if alive(self):
            self._changed.start()

    def _on_field(self, field: Any) -> None:
        """Count the field before too, whose layers wait in the list only now."""
        if alive(self):
            self._fields.start()

    def _on_camera(self, event: Any = None) -> None:
        if alive(self) and self.isVisible():
            self._moved.start()

    def _look(self) -> None:
        """Count again, unless nobody would see it."""
        if self._layer is not None and self._layer in self._viewer.layers and self.isVisible():
            self._surveys.submit(survey, take_snapshot(self._viewer, self._layer))

    def _on_survey(self, found: Survey) -> None:
        layer = self._layer
        if layer is None or found.snapshot.info is not result_info(layer):
            return  # there may be several results on one image
        self.survey = found
        if found.fresh or not is_aligned(layer.features):
            layer.features = feature_rows(found.table)
        self.link.setPlaces(found.places)
        self.form.histogram.setTable(found.table)
        self.form.histogram.setSelected(int(layer.selected_label))
        self._show_totals(found.totals)
        if self.form.histogram.value() is not None:
            self._on_range()
        self._look_at_view()

    def _look_at_view(self) -> None:
        if self.survey is None or self._layer is None or self._viewer.dims.ndisplay != 2:
            return
        self._views.submit(view_totals, self.survey, label_view(self._viewer, self._layer))

    def _on_view(self, totals: Totals) -> None:
        self.form.totals.setTotals("view", totals if totals.region_um2 else None)

    def _show_totals(self, totals: Totals | None) -> None:
        self.form.totals.setTotals("field", totals)
        if totals is None:
            self.form.totals.setTotals("view", None)
        self._show_folder()

    def _show_folder(self) -> None:
        shown = self.survey.totals if self.survey is not None else None
        found = folder_totals(self.shared.fields, shown, self.saved.of)
        self.form.totals.setTotals("folder", found)

    def _on_range(self) -> None:
        if self._layer is not None:
            self.marks.mark(self._layer, self.form.histogram.chosen())

    def _on_table(self) -> None:
        if self._layer is None:
            return
        if not is_aligned(self._layer.features) and (table := table_of(self._layer.features)):
            self._layer.features = feature_rows(table)
        self.link.openTable()
