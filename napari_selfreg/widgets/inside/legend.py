"""What the colours of a map mean."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_selfreg.widgets.inside.kinds import Kind

_BAR, _GAP = 8, 2


class Legend(QWidget):
    """A bar of colours between two words; for pictures in colours one sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ("", "")
        self._bar: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Return the words from left to right."""
        return " … ".join(word for word in self._words if word)

    def setKind(self, kind: Kind, limits: tuple[float, float] | None = None) -> None:
        """Explain a kind of map, with the values of both ends if they are known."""
        low, high = kind.ends
        if limits is not None and kind.colormap is not None:
            low, high = f"{low} {limits[0]:.2g}", f"{limits[1]:.2g} {high}"
        self._words = (low, high)
        self._bar = None if kind.colormap is None else _bar(kind.colormap)
        self.setToolTip(kind.tip)
        self.setAccessibleName(f"Colours: {self.text()}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a bar and a line."""
        bar = _BAR + _GAP if self._bar is not None else 0
        return QSize(100, bar + self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bar and words."""
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._bar is not None:
            painter.drawImage(QRectF(0, 0, area.width(), _BAR), self._bar)
            area.setTop(_BAR + _GAP)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft, self._words[0])
        painter.drawText(area, Qt.AlignmentFlag.AlignRight, self._words[1])


def _bar(colormap: str) -> QImage:
    ramp = ensure_colormap(colormap).map(np.linspace(0, 1, 256, dtype=np.float32))[:, :3]
    pixels = np.ascontiguousarray((ramp * 255).astype(np.uint8)[np.newaxis])
    return QImage(pixels.data, 256, 1, 3 * 256, QImage.Format.Format_RGB888).copy()
