"""What is measured of each block while a model learns, a line for each block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.finetune_types import BlocksMeasured
from napari_selfreg.widgets.guards import ignore_stray_wheel

NUMBERS = {
    "similarity": ("Channel similarity", "Mean cosine between the channels of a block"),
    "effective_rank": ("Effective rank", "How many directions the channels of a block fill"),
    "scr_distance": ("SCR distance", "How far a block is from the last one"),
    "ifd": ("IFD value", "How far the halves of a block's channels are apart"),
}
"""Field of `BlockNumbers` -> what it is called, and what it means."""

ON_DARK = ("#45b6ef", "#a46a3b", "#58bd97", "#bf4d90", "#d0b928")
ON_LIGHT = ("#008ec4", "#ca6a06", "#1f8c69", "#860e5e", "#783020")
"""A colour for each depth, from full resolution down, on a dark or a light background.

All are seen on their background (contrast of 3 and more) and told apart by colour-blind eyes.
"""

_HEIGHT = 130
_MIDDLE = 127
_KEY = "Full lines: encoder. Broken lines: decoder, in the colour of its resolution. Thick: B."


class BlockCurves(QWidget):
    """One plot: the chosen number of each block over the steps; hidden until there is one.

    A colour stands for a resolution, which encoder (full lines) and decoder (broken lines) share;
    the bottleneck is a thick line in the colour of the text. pyqtgraph is loaded when the first
    curve is drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = QComboBox()
        for key, (name, tip) in NUMBERS.items():
            self.number.addItem(name, key)
            self.number.setItemData(self.number.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.number.setAccessibleName("Number of each block")
        ignore_stray_wheel(self.number)
        self._legend = QLabel()
        self._legend.setWordWrap(True)
        self._legend.setToolTip(_KEY)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.number)
        self._column.addWidget(self._legend)
        self._plot: Any = None
        self._lines: dict[str, Any] = {}
        self.seen: list[BlocksMeasured] = []
        self.number.currentIndexChanged.connect(self._on_number)
        self.hide()

    def clear(self) -> None:
        """Forget what was measured."""
        self.seen.clear()
        self._lines.clear()
        if self._plot is not None:
            self._plot.clear()
        self.hide()

    def show_events(self, events: Iterable[Event]) -> None:
        """Add what was measured and draw it at once."""
        new = [event for event in events if isinstance(event, BlocksMeasured)]
        if new:
            self.seen.extend(new)
            self._draw()
            self.show()

    def values(self, block: str) -> tuple[list[int], list[float]]:
        """Return steps, and the chosen number of a block."""
        key = self.number.currentData()
        steps = [event.step for event in self.seen]
        return steps, [getattr(event.numbers[block], key) for event in self.seen]

    def _on_number(self, index: int) -> None:
        if self.seen:
            self._draw()

    def _draw(self) -> None:
        if self._plot is None:
            self._make()
        for block in self.seen[-1].numbers:
            self._line(block).setData(*self.values(block))

    def _make(self) -> None:
        import pyqtgraph as pg

        self._plot = pg.PlotWidget(background=None)
        self._plot.setFixedHeight(_HEIGHT)
        self._plot.setMinimumWidth(150)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.getAxis("left").setWidth(44)
        self._column.addWidget(self._plot)
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._lines:
            self._plot.resetCachedContent()  # pyqtgraph keeps a picture of the old background
            self._colour()

    def _line(self, block: str) -> Any:
        if block not in self._lines:
            self._lines[block] = self._plot.plot()
            self._colour_line(block)
            self._tell()
        return self._lines[block]

    def _colour(self) -> None:
        """Give lines, axes and legend the colours of the present theme."""
        for block in self._lines:
            self._colour_line(block)
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setTextPen(self._ink())
        self._tell()

    def _colour_line(self, block: str) -> None:
        import pyqtgraph as pg

        dashes = [4, 3] if _is_decoder(block) else None
        width = 3 if block == "B" else 1.5
        colour = colour_of(block, self._ink().name())
        self._lines[block].setPen(pg.mkPen(colour, width=width, dash=dashes))

    def _ink(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.WindowText)

    def _tell(self) -> None:
        ink = self._ink().name()
        self._legend.setText("  ".join(_mark(block, ink) for block in self._lines))


def colour_of(block: str, ink: str) -> str:
    """Return the colour of a block, as ``#rrggbb``.

    Parameters
    ----------
    block : str
        Blocks of one resolution share a colour.
    ink : str
        Colour of the text, bright on a dark background; that of the bottleneck.
    """
    if block == "B":
        return ink
    colours = ON_DARK if QColor(ink).lightness() > _MIDDLE else ON_LIGHT
    return colours[(int(block[1:]) - 1) % len(colours)]


def _is_decoder(block: str) -> bool:
    return block.startswith("D")


def _mark(block: str, ink: str) -> str:
    stroke = "╍" if _is_decoder(block) else "━"
    return f'<span style="color: {colour_of(block, ink)}">{stroke}</span>&nbsp;{block}'
