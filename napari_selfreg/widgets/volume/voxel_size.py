"""The size of the voxels of a volume whose file does not place it in space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.grid import Grid, Spacing
from napari_selfreg.widgets.pixel_size_edit import NumberEdit
from napari_selfreg.widgets.volume.layers import AXES, VOLUME_KEY, axes_of, is_volume, volume_of
from napari_selfreg.widgets.volume.result_info import (
    VOLUME_RESULT_KEY,
    VolumeResultInfo,
    volume_result_info,
)

VOLUMES = ("volume_mm3", "volume_ml")
"""Columns of measurements that depend on the size of the voxels."""

_LEAST, _MOST = 0.0001, 1000.0


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
        self._shown: Spacing = (1.0, 1.0, 1.0)
        self.setVisible(False)

    def value(self) -> Spacing:
        """Return the size along z, y and x; what is no possible size counts as it was."""
        typed = [edit.number() for edit in self.edits.values()]
        z, y, x = (
            before if new is None or not _LEAST <= new <= _MOST or _same(new, before) else new
            for new, before in zip(typed, self._shown, strict=True)
        )
        return z, y, x

    def setLayer(self, layer: Any) -> None:
        """Show the size of a volume, if a person may state it."""
        grid = _grid(layer)
        if grid is not None:
            self._show(grid.spacing)
        self.setVisible(grid is not None and grid.affine is None)

    def _show(self, spacing: Spacing) -> None:
        self._shown = spacing
        for edit, size in zip(self.edits.values(), spacing, strict=True):
            edit.setNumber(size)

    def _on_agreed(self) -> None:
        self._show(self.value())
        self.chosen.emit(self._shown)

    def _on_edit(self) -> None:
        before = self._shown
        self._show(self.value())
        if self._shown != before:
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
    grid = replace(volume_of(image).grid, spacing=spacing, storage=None, source="option")
    image.metadata[VOLUME_KEY] = grid
    _stretch(image, spacing)
    for layer in viewer.layers:
        info = volume_result_info(layer)
        if info is not None and info.image_layer_id == image.unique_id:
            give_grid(layer, info, grid)


def give_grid(layer: Any, info: VolumeResultInfo, grid: Grid) -> None:
    """Let a result lie on a volume whose voxels have another size by now.

    Parameters
    ----------
    layer : napari.layers.Labels
        The result.
    info : VolumeResultInfo
        What it carries so far.
    grid : Grid
        Of the volume.
    """
    factor = np.prod(grid.spacing) / np.prod(info.grid.spacing)
    features = layer.features.copy()
    for column in VOLUMES:
        if column in features:
            features[column] = features[column] * factor
    layer.features = features
    layer.metadata[VOLUME_RESULT_KEY] = replace(info, grid=grid)
    _stretch(layer, grid.spacing)


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


def _same(typed: float, before: float) -> bool:
    """Tell whether a number is the one before, of which six digits are shown."""
    return f"{typed:.6g}" == f"{before:.6g}"


def _edit(axis: str) -> NumberEdit:
    edit = NumberEdit()
    edit.setAccessibleName(f"Millimetres per voxel along {axis}")
    edit.setToolTip(f"Millimetres from one voxel to the next along {axis}")
    return edit
