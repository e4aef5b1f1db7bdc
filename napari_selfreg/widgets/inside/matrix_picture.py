"""Similarity matrices as a picture that answers the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from napari.utils import Colormap
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_selfreg.widgets.inside.matrices import Matrix

_SIGNED = Colormap(["#2166ac", "#f7f7f7", "#b2182b"], name="selfreg signed")
_GAP, _BAR, _LINE = 8, 10, 16
_WIDEST = 250
"""One matrix alone is no larger, so that the numbers below stay in view."""


class MatrixPicture(QWidget):
    """One to four squares in one colour scale, with a bar below.

    Attributes
    ----------
    cellClicked : Signal(int, int)
        The two channels of a cell.
    cellEntered : Signal(str)
        What the cell under the pointer says; empty outside.
    """

    cellClicked = Signal(int, int)
    cellEntered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrices: tuple[Matrix, ...] = ()
        self._signed = False
        self._images: list[QImage] = []
        self.setMouseTracking(True)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumHeight(150)
        self.setAccessibleName("Similarity of channels")
        self.setToolTip("Each cell compares two channels; click one to see both on the tissue")

    def matrices(self) -> tuple[Matrix, ...]:
        """Return what is shown."""
        return self._matrices

    def setMatrices(self, matrices: Sequence[Matrix], signed: bool = False) -> None:
        """Show squares; values run from 0 to 1 or, if signed, from -1 to 1."""
        self._matrices, self._signed = tuple(matrices), signed
        self._images = [matrix_image(each.values, signed) for each in self._matrices]
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Squares grow with the panel."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that a width needs."""
        columns, rows = self._grid()
        side = min(_WIDEST, (width - _GAP * (columns - 1)) / columns)
        return round(rows * (side + _LINE + _GAP) + _BAR + _LINE)

    def sizeHint(self) -> QSize:
        """Return a size as wide as a narrow panel."""
        return QSize(240, self.heightForWidth(240))

    def cell_at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return matrix, row and column at a place of the widget, None outside."""
        for index, square in enumerate(self._squares(QRectF(self.rect()))):
            size = len(self._matrices[index].channels)
            if square.contains(point) and size:
                row = int((point.y() - square.top()) / square.height() * size)
                column = int((point.x() - square.left()) / square.width() * size)
                return index, min(row, size - 1), min(column, size - 1)
        return None

    def draw(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        """Draw everything into an area; used for the screen and for files."""
        for index, square in enumerate(self._squares(area)):
            painter.setPen(ink)
            title = QRectF(square.left(), square.top() - _LINE, square.width(), _LINE)
            text = painter.fontMetrics().elidedText(
                self._matrices[index].title, Qt.TextElideMode.ElideMiddle, int(title.width())
            )
            painter.drawText(title, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)
            painter.drawImage(square, self._images[index])
        if self._matrices:
            self._draw_bar(painter, area, ink)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the squares."""
        painter = QPainter(self)
        self.draw(painter, QRectF(self.rect()), self.palette().color(QPalette.ColorRole.WindowText))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what the cell under the pointer compares."""
        self.cellEntered.emit(self._words(self.cell_at(event.position())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell."""
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            index, row, column = cell
            channels = self._matrices[index].channels
            self.cellClicked.emit(int(channels[row]), int(channels[column]))

    def leaveEvent(self, event: QEvent) -> None:
        """Say nothing any more."""
        self.cellEntered.emit("")

    def _words(self, cell: tuple[int, int, int] | None) -> str:
        if cell is None:
            return ""
        index, row, column = cell
        matrix = self._matrices[index]
        return (
            f"Channels {matrix.channels[row]} and {matrix.channels[column]}: "
            f"{matrix.values[row, column]:.2f}"
        )

    def _grid(self) -> tuple[int, int]:
        count = max(1, len(self._matrices))
        columns = 1 if count == 1 else 2
        return columns, math.ceil(count / columns)

    def _squares(self, area: QRectF) -> list[QRectF]:
        columns, rows = self._grid()
        wide = (area.width() - _GAP * (columns - 1)) / columns
        high = (area.height() - _BAR - _LINE) / rows - _LINE - _GAP
        side = max(1.0, min(wide, high))
        return [
            QRectF(
                area.left() + (index % columns) * (side + _GAP),
                area.top() + _LINE + (index // columns) * (side + _LINE + _GAP),
                side,
                side,
            )
            for index in range(len(self._matrices))
        ]

    def _draw_bar(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        bottom = max(square.bottom() for square in self._squares(area)) + _GAP
        width = max(square.right() for square in self._squares(area)) - area.left()
        bar = QRectF(area.left(), bottom, width, _BAR)
        low = -1.0 if self._signed else 0.0
        ramp = np.linspace(low, 1, 256, dtype=np.float32)[np.newaxis]
        painter.drawImage(bar, matrix_image(ramp, self._signed))
        painter.setPen(ink)
        words = bar.translated(0, _BAR)
        words.setHeight(_LINE)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, f"{low:g} unlike")
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, "alike 1")


def matrix_image(values: npt.NDArray[np.floating], signed: bool) -> QImage:
    """Return values in 0 to 1 (or -1 to 1) as a picture with one pixel per cell."""
    scaled = np.clip((values + 1) / 2 if signed else values, 0, 1)
    colormap = _SIGNED if signed else ensure_colormap("viridis")
    colours = colormap.map(np.asarray(scaled, np.float32).ravel())[:, :3]
    pixels = np.ascontiguousarray((colours * 255).astype(np.uint8).reshape(*values.shape, 3))
    rows, columns = values.shape
    image = QImage(pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    return image.copy()
