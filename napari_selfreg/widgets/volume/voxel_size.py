"""The size of the voxels of a volume whose file does not place it in space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.grid import Grid, Spacing
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.volume.layers import AXES, VOLUME_KEY, axes_of, is_volume, volume_of
from napari_selfreg.widgets.volume.result_info import VOLUME_RESULT_KEY, volume_result_info

_LEAST, _MOST = 0.0001, 1000.0
_WIDTH = 56


class VoxelSizeBox(QGroupBox):
    """Three numbers to type, in millimetres; hidden where the file states its place.

    Attributes
    ----------
    chosen : Signal(object)
        A person has typed another size, or agrees with the one shown: millimetres along z, y and x.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Size of the voxels (mm)", parent)
        self.edits = {axis: _edit(axis) for axis in AXES}
        row = QHBoxLayout()
        for axis, edit in self.edits.items():
            row.addWidget(QLabel(axis))
            row.addWidget(edit, 1)
            edit.editingFinished.connect(self._on_edit)
        self.agree_button = QPushButton("Use")
        self.agree_button.setToolTip("This size is right, also if it is the one that was assumed")
        self.agree_button.setAccessibleName("Use this size of the voxels")
        self.agree_button.clicked.connect(self._on_agreed)
        row.addWidget(self.agree_button)
        column = QVBoxLayout(self)
        column.addLayout(row)
        self._shown: Spacing | None = None
        self.setVisible(False)

    def value(self) -> Spacing:
        """Return the size along z, y and x."""
        z, y, x = (edit.value() for edit in self.edits.values())
        return z, y, x

    def setLayer(self, layer: Any) -> None:
        """Show the size of a volume, if a person may state it."""
        grid = _grid(layer)
        if grid is not None:
            for edit, size in zip(self.edits.values(), grid.spacing, strict=True):
                edit.setValue(size)
            self._shown = self.value()
        self.setVisible(grid is not None and grid.affine is None)

    def _on_agreed(self) -> None:
        self._shown = self.value()
        self.chosen.emit(self._shown)

    def _on_edit(self) -> None:
        if self.value() != self._shown:
            self._shown = self.value()
            self.chosen.emit(self._shown)


def change_spacing(viewer: Any, image: Any, spacing: Spacing) -> None:
    """Give a volume another size of its voxels, and let the results that lie on it follow.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds the results.
    image : napari.layers.Image
        A volume.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    """
    # What a header said of the size counts no more: files of results state the new one.
    grid = replace(volume_of(image).grid, spacing=spacing, storage=None)
    image.metadata[VOLUME_KEY] = grid
    _stretch(image, spacing)
    for layer in viewer.layers:
        info = volume_result_info(layer)
        if info is not None and info.image_layer_id == image.unique_id:
            layer.metadata[VOLUME_RESULT_KEY] = replace(info, grid=grid)
            _stretch(layer, spacing)


def _stretch(layer: Any, spacing: Spacing) -> None:
    scale = np.array(layer.scale)
    scale[list(axes_of(layer))] = spacing
    layer.scale = scale
    layer.units = ("millimeter",) * 3


def _grid(layer: Any) -> Grid | None:
    """Return where the voxels of a layer lie, None if it is no volume."""
    try:
        return volume_of(layer).grid if is_volume(layer) else None
    except BadInputError:  # a single slice
        return None


def _edit(axis: str) -> QDoubleSpinBox:
    edit = QDoubleSpinBox()
    edit.setDecimals(4)
    edit.setRange(_LEAST, _MOST)
    edit.setKeyboardTracking(False)
    edit.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    # Three beside each other must not widen the dock.
    edit.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    edit.setMinimumWidth(_WIDTH)
    edit.setAccessibleName(f"Millimetres per voxel along {axis}")
    edit.setToolTip(f"Millimetres from one voxel to the next along {axis}")
    ignore_stray_wheel(edit)
    return edit
