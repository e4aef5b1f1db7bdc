"""The list of fields as a person sees it: picture, name, size, state."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_selfreg.widgets.field_list import Field, FieldList

MARKS = {"new": "○", "segmented": "◐", "corrected": "✎", "done": "✓"}
"""Told apart by shape, not by colour."""

_ICON = 44
_BREAK = "\u2028"  # what Qt makes of a line break


class FieldView(QListWidget):
    """Lists fields; choosing one makes it the current one.

    Parameters
    ----------
    fields : FieldList
        What is listed.
    parent : QWidget, optional
        Parent of the list.
    """

    def __init__(self, fields: FieldList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields = fields
        self.setIconSize(QSize(_ICON, _ICON))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_TwoLines(self))
        self.setAccessibleName("Fields")
        self.setMinimumHeight(2 * (_ICON + 12))
        fields.changed.connect(self.rebuild)
        fields.updated.connect(self._refresh)
        fields.currentChanged.connect(self._follow)
        self.currentRowChanged.connect(self._choose)
        self.rebuild()

    def sizeHint(self) -> QSize:
        """Ask for the height of a few fields."""
        rows = max(2, min(5, self.count()))
        return QSize(super().sizeHint().width(), rows * (_ICON + 12))

    def rebuild(self) -> None:
        """List all fields again."""
        with signals_blocked(self):
            self.clear()
            for field in self._fields:
                item = QListWidgetItem()
                describe(item, field)
                self.addItem(item)
        self._follow()
        self.updateGeometry()

    def _refresh(self, index: int) -> None:
        item = self.item(index)
        if item is not None:
            describe(item, self._fields[index])

    def _follow(self) -> None:
        with signals_blocked(self):
            self.setCurrentRow(self._fields.current_index)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._fields):
            self._fields.set_current(self._fields[row])


class _TwoLines(QStyledItemDelegate):
    """Cuts a long name in its middle, and a long sentence at its end."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Any) -> None:
        super().initStyleOption(option, index)
        style, part = option.widget.style(), QStyle.SubElement.SE_ItemViewItemText
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin) + 1
        width = style.subElementRect(part, option, option.widget).width() - 2 * margin
        cuts = (Qt.TextElideMode.ElideMiddle, Qt.TextElideMode.ElideRight)
        lines = zip(option.text.splitlines(), cuts, strict=False)
        option.text = _BREAK.join(
            option.fontMetrics.elidedText(line, cut, width) for line, cut in lines
        )


def describe(item: QListWidgetItem, field: Field) -> None:
    """Put what is known of a field into its row."""
    item.setText(f"{field.path.name}\n{second_line(field)}")
    item.setToolTip(f"{field.path}\n{field.problem}" if field.problem else str(field.path))
    thumbnail = field.facts.thumbnail if field.facts else None
    pixmap = _pixmap(thumbnail)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # Qt would tint the tissue of the chosen row
    item.setIcon(icon)


def second_line(field: Field) -> str:
    """Return state and size of a field, or what is wrong with it."""
    if field.running:
        return "… being segmented"
    if field.problem:
        # The line above names the file already, and there is room for few words.
        return "⚠ " + field.problem.removeprefix(field.path.name).lstrip(" :,")
    parts = [f"{MARKS[field.state]} {field.state}"]
    if field.facts is not None:
        height, width = field.facts.shape
        slices = field.facts.slices
        parts.append(f"{width} × {height}" + (f" × {slices} voxels" if slices else " px"))
    return " · ".join(parts)


def _pixmap(thumbnail: npt.NDArray[np.uint8] | None) -> QPixmap:
    """Return a square of one size for all rows, with the thumbnail in its middle."""
    square = QPixmap(_ICON, _ICON)
    square.fill(QColor(128, 128, 128, 40))
    if thumbnail is None:
        return square
    picture = QPixmap.fromImage(_image(thumbnail)).scaled(
        _ICON,
        _ICON,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    painter = QPainter(square)
    painter.drawPixmap((_ICON - picture.width()) // 2, (_ICON - picture.height()) // 2, picture)
    painter.end()
    return square


def _image(rgb: npt.NDArray[np.uint8]) -> QImage:
    height, width = rgb.shape[:2]
    data: Any = np.ascontiguousarray(rgb).tobytes()
    # A copy: Qt would go on reading bytes that Python has freed.
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
