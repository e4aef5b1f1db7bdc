"""What the Results panel shows: the result, its totals, a histogram, and what to do with it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.histogram import Histogram
from napari_selfreg.widgets.layer_picker import LayerPicker
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.result_info import is_result
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.totals_view import TotalsView
from napari_selfreg.widgets.volume.form import give_reason
from napari_selfreg.widgets.volume.result_info import is_volume_result
from napari_selfreg.widgets.volume.results_view import VolumeResultsView

FOR_PICTURES = "What is greyed out is for pictures: QuPath and outlines know no volumes."
_PICKER_TIP = "The objects to look at. Selecting a result in the layer list chooses it."


class ResultsForm(QWidget):
    """The parts of the Results panel, without what they do.

    Parameters
    ----------
    viewer : napari.Viewer
        Its results are offered.
    parent : QWidget, optional
        Parent of the form.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picker = LayerPicker(
            viewer, accepts=_is_any_result, tip=_PICKER_TIP, empty="No result yet"
        )
        # Labels of her own become a result when she begins to correct them.
        shared_for(viewer).projectChanged.connect(self.picker.refresh)
        self.totals = TotalsView()
        self.histogram = Histogram()
        self.table_button = button(
            "Table of objects", "Open napari's Features Table: a row for each object"
        )
        self.save_button = button(
            "Save for QuPath…",
            "Write label image, outlines (GeoJSON) and measurements (CSV) as they are now",
        )
        self.compressed = QCheckBox("Compress outlines (.geojson.gz)")
        self.compressed.setToolTip("About ten times smaller; QuPath opens both")
        self.view_button = button(
            "Picture of the view…", "Save what the window shows, with outlines and a scale bar"
        )
        self.field_button = button(
            "Picture of the field…", "Save the whole image, with outlines and a scale bar"
        )
        self.copy_button = button(
            "Copy methods sentence", "Model, pixel size and settings, for a report or paper"
        )
        self.import_button = button(
            "Import labels…",
            "Read label TIFF or PNG, QuPath GeoJSON or Aperio XML onto the image; NIfTI or a label "
            "stack onto a volume",
        )
        self.cancel_button = button("Cancel", "Stop; files that are there stay as they were (Esc)")
        policy = self.cancel_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing jumps, and the image is not drawn again
        self.cancel_button.setSizePolicy(policy)
        self.cancel_button.hide()
        self.progress_row = ProgressRow()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.volume = VolumeResultsView(viewer)
        self._arrange()

    def with_result(self) -> tuple[QWidget, ...]:
        """Return what is of use only with a result."""
        return (
            self.table_button,
            self.save_button,
            self.compressed,
            self.view_button,
            self.field_button,
            self.copy_button,
        )

    def show_volume(self, layer: Any) -> None:
        """Show the result of a volume in place of objects; None goes back to those."""
        self.volume.setLayer(layer)
        for part in (self.totals, self.histogram):
            part.setVisible(layer is None)
        reason = "" if layer is None else FOR_PICTURES
        give_reason(reason, *self.with_result())

    def _arrange(self) -> None:
        top = QFormLayout()
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("Result", self.picker)
        buttons = QGridLayout()
        buttons.addWidget(self.table_button, 0, 0)
        buttons.addWidget(self.copy_button, 0, 1)
        buttons.addWidget(self.view_button, 1, 0)
        buttons.addWidget(self.field_button, 1, 1)
        buttons.addWidget(self.save_button, 2, 0)
        buttons.addWidget(self.import_button, 2, 1)
        buttons.addWidget(self.compressed, 3, 0, 1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.volume)
        column.addWidget(self.totals)
        column.addWidget(self.histogram)
        column.addLayout(buttons)
        column.addWidget(self.status)
        column.addWidget(self.progress_row)
        column.addWidget(self.cancel_button)
        column.addStretch(1)


def _is_any_result(layer: Any) -> bool:
    return is_result(layer) or is_volume_result(layer)
