"""Choose one of the viewer's images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget
from superqt.utils import signals_blocked

from napari_selfreg.widgets.guards import alive, ignore_stray_wheel
from napari_selfreg.widgets.layers import is_picture, layer_by_id

_PADDING = 4
"""Beside the text, in pixels: the rectangle that styles report is a little too wide."""


class LayerPicker(QComboBox):
    """A list of the viewer's images that follows the image selected in napari.

    Parameters
    ----------
    viewer : napari.Viewer
        Its images are listed, by their current names.
    parent : QWidget, optional
        Parent of the list.
    accepts : callable
        Tells whether a layer is listed.
    tip : str
        Tooltip.
    empty : str
        Shown while there is nothing to choose.

    Attributes
    ----------
    valueChanged : Signal()
        Another image is chosen, or none.
    """

    valueChanged = Signal()

    def __init__(
        self,
        viewer: Any,
        parent: QWidget | None = None,
        *,
        accepts: Callable[[Any], bool] = is_picture,
        tip: str = "The image to segment. Selecting an image in the layer list chooses it.",
        empty: str = "No image yet",
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._accepts = accepts
        self.setToolTip(tip)
        self.setPlaceholderText(empty)
        # Long names must not widen the panel.
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(12)
        ignore_stray_wheel(self)
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered, events.renamed):
            emitter.connect(self._refresh)
        viewer.layers.selection.events.active.connect(self._follow)
        self.currentIndexChanged.connect(self._announce)
        self._announced: object = None
        self._refresh()
        self._follow()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cut a long name in its middle: fields of a series differ at the end."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        text = self.currentText() or self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideMiddle, room.width() - 2 * _PADDING
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def value(self) -> Any:
        """Return the chosen image, or None."""
        wanted = self.currentData()
        if wanted is None:
            return None
        return layer_by_id(self._viewer, wanted)

    def setValue(self, layer: Any) -> None:
        """Choose an image of the viewer."""
        index = self._index_of(layer.unique_id)
        if index >= 0:
            self.setCurrentIndex(index)

    def refresh(self) -> None:
        """List layers again that are accepted only now; one of them is chosen if it is selected."""
        active = self._viewer.layers.selection.active
        known = active is None or self._index_of(active.unique_id) >= 0
        self._refresh()
        if not known:
            self._follow()

    def _index_of(self, unique_id: object) -> int:
        # Not `findData`: Qt cannot compare Python objects on every binding.
        return next((i for i in range(self.count()) if self.itemData(i) == unique_id), -1)

    def _refresh(self, event: Any = None) -> None:
        """List the images again; the choice stays with its image."""
        if not alive(self):
            return
        chosen = self.currentData()
        with signals_blocked(self):
            self.clear()
            for layer in self._viewer.layers:
                if self._accepts(layer):
                    self.addItem(str(layer.name), layer.unique_id)
                    last = self.count() - 1  # long names are cut off in the list
                    self.setItemData(last, str(layer.name), Qt.ItemDataRole.ToolTipRole)
            self.setCurrentIndex(max(self._index_of(chosen), 0 if self.count() else -1))
        self._announce()

    def _follow(self, event: Any = None) -> None:
        if not alive(self):
            return
        active = self._viewer.layers.selection.active
        if active is not None and self._accepts(active):
            self.setValue(active)

    def _announce(self, index: int = 0) -> None:
        if self.currentData() != self._announced:
            self._announced = self.currentData()
            self.valueChanged.emit()
