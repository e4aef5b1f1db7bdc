"""What the Results panel shows of a segmented volume: a row for each class, and Save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.volume.measurements import Measurements
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.samples import is_sample
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.latest import LANE, Latest
from napari_selfreg.widgets.layers import layer_by_id
from napari_selfreg.widgets.numbers import in_digits, in_groups
from napari_selfreg.widgets.result_info import is_touched
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.results_ask import agrees, ask_folder
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.volume.layers import in_words, volume_of
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo, volume_result_info
from napari_selfreg.widgets.volume.results_job import VolumeSnapshot, measure_volume, save_volume

COLUMNS = ("Class", "mm³", "ml", "Voxels", "Mean intensity")
TOTAL = "All classes"
_CHANGED_MS = 300
_SWATCH = 12
_WHOLE_FROM = 100
"""So many mm³ are told as exactly as the voxels beside them."""


class VolumeResultsView(QWidget):
    """Measures the classes of one result layer, and again whenever a person changes it.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QWidget, optional
        Parent.

    Attributes
    ----------
    measured : dict or None
        Columns of `measure_classes`, once they are known.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Any = None
        self.measured: Measurements | None = None
        self.about = sentence_label()
        self.table = _table()
        self.save_button = QPushButton("Save labels and measurements…")
        self.save_button.setToolTip(
            "Write the classes (NIfTI, on the grid of the volume) and a row for each class (CSV)"
        )
        self.status = sentence_label()
        self._latest = Latest(self)
        self._saver = JobRunner(self, LANE)
        self._soon = single_shot(self, _CHANGED_MS, self._measure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.about, self.table, self.save_button, self.status):
            column.addWidget(part)
        self._latest.done.connect(self._on_measured)
        self.save_button.clicked.connect(self.save)
        self._saver.finished.connect(self._on_saved)
        self._saver.failed.connect(self._on_failed)
        self.setVisible(False)

    @property
    def busy(self) -> bool:
        """Whether anything shown is about to change."""
        return self._soon.isActive() or self._latest.running or self._saver.running

    @property
    def shown(self) -> bool:
        """Whether the result of a volume is chosen."""
        return volume_result_info(self._layer) is not None

    def image(self) -> Any:
        """Return the volume whose result is chosen; None if there is none, or it is gone."""
        info = volume_result_info(self._layer)
        return None if info is None else layer_by_id(self._viewer, info.image_layer_id)

    def setLayer(self, layer: Any) -> None:
        """Turn to the result of a volume, or to none."""
        for emitter in self._edits():
            emitter.disconnect(self._on_edit)
        self._layer, self.measured = layer, None
        info = volume_result_info(layer)
        self.setVisible(info is not None)
        self.table.setRowCount(0)
        self.status.setText("")
        if info is None:
            return
        for emitter in self._edits():
            emitter.connect(self._on_edit)
        self._measure()

    def save(self) -> None:
        """Write labels and measurements into a folder that a person chooses."""
        info = volume_result_info(self._layer)
        if info is None or self._saver.running:
            return
        folder = ask_folder(self, self._folder(info), "Save labels and measurements")
        if folder is None:
            return
        there = [path.name for path in volume_output_paths(folder, info.grid.stem).values()
                 if path.exists()]  # fmt: skip
        words = f"{', '.join(there)} of an earlier result will be replaced."
        if there and not agrees(self, words):
            return
        self.save_button.setEnabled(False)
        self.status.setText("Writing the files…")
        self._saver.start(save_volume, self._snapshot(info), folder)

    def _edits(self) -> list[Any]:
        if self._layer is None:
            return []
        return [
            getattr(self._layer.events, name) for name in ("data", "set_data", "paint", "scale")
        ]

    def _on_edit(self, event: Any = None) -> None:
        if alive(self):
            self._soon.start()

    def _snapshot(self, info: VolumeResultInfo) -> VolumeSnapshot:
        image = layer_by_id(self._viewer, info.image_layer_id)
        view = None
        if image is not None:
            try:
                view = volume_of(image)
            except SelfRegError:
                view = None
        if view is not None and view.shape != info.grid.shape:
            view = None
        data = np.array(self._layer.data)
        return VolumeSnapshot(data, info, view, is_touched(self._layer))

    def _measure(self) -> None:
        info = volume_result_info(self._layer)
        if info is not None and self._layer in self._viewer.layers:
            size = in_words(info.grid.spacing)
            self.about.setText(f"{info.model_title}. Voxels of {size} (z, y, x).")
            self._latest.submit(measure_volume, self._snapshot(info))

    def _on_measured(self, table: Measurements) -> None:
        layer = self._layer
        if layer is None or not alive(self):
            return
        self.measured = table
        layer.features = feature_rows(table)
        self._fill(table)

    def _fill(self, table: Measurements) -> None:
        count = len(table["index"])
        self.table.setRowCount(count + 1)
        for row in range(count):
            name, number = str(table["class"][row]), int(table["index"][row])
            numbers = [float(table[key][row]) for key in ("volume_mm3", "volume_ml", "voxels")]
            self._row(row, name, [*numbers, float(table["mean_intensity"][row])])
            first: Any = self.table.item(row, 0)
            first.setIcon(_swatch(self._layer.get_color(number)))
        totals = [float(table[key].sum()) for key in ("volume_mm3", "volume_ml", "voxels")]
        self._row(count, TOTAL, totals)
        self.table.resizeRowsToContents()
        rows = sum(self.table.rowHeight(row) for row in range(count + 1))
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + rows + 4)

    def _row(self, row: int, name: str, numbers: list[float]) -> None:
        self.table.setItem(row, 0, QTableWidgetItem(name))
        for column in range(1, len(COLUMNS)):
            known = column <= len(numbers) and np.isfinite(numbers[column - 1])
            text = text_of(numbers[column - 1], COLUMNS[column]) if known else ""
            text = text or "–" * (column <= len(numbers))
            item = QTableWidgetItem(text)
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _folder(self, info: VolumeResultInfo) -> Path:
        """Return the folder the dialog begins in."""
        if (chosen := settings().output_folder) is not None:
            return chosen
        image = layer_by_id(self._viewer, info.image_layer_id)
        source = None if image is None else source_info(image)
        if source is None or is_sample(source.path):
            return Path.home()
        usual = results_folder(source.path)
        return usual if usual.is_dir() else source.path.parent

    def _on_saved(self, files: dict[str, Path]) -> None:
        names = " and ".join(path.name for path in files.values())
        folder = next(iter(files.values())).parent.name
        self._end(f"Saved {names} in the folder {folder}.")

    def _on_failed(self, error: Exception) -> None:
        self._end(describe_failure(error))

    def _end(self, text: str) -> None:
        self.save_button.setEnabled(True)
        self.status.setText(text)


def text_of(number: float, column: str) -> str:
    """Return a number of a column as a person reads it: counts and large volumes are whole."""
    if column == "Voxels" or (column == "mm³" and number >= _WHOLE_FROM):
        return in_groups(number)
    return in_digits(number)


def _table() -> QTableWidget:
    table = QTableWidget(0, len(COLUMNS))
    table.setHorizontalHeaderLabels(list(COLUMNS))
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAccessibleName("Classes")
    table.setToolTip("Volume of each class, as the layer is now")
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table


def _swatch(colour: Any) -> QIcon:
    """Return a square in the colour of a class, as the canvas shows it."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor.fromRgbF(*(float(part) for part in colour)))
    return QIcon(pixmap)
