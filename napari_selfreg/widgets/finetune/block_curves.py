"""What is measured of each block while a model learns, a line for each block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import Qt
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

_FIRST, _LAST = (68, 140, 255), (255, 200, 60)
_HEIGHT = 130


class BlockCurves(QWidget):
    """One plot: the chosen number of each block over the steps; hidden until there is one.

    Blocks run from blue (the first) to yellow (the last). pyqtgraph is loaded when the first
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

    def _line(self, block: str) -> Any:
        if block not in self._lines:
            import pyqtgraph as pg

            colours = _colours(list(self.seen[-1].numbers))
            self._lines[block] = self._plot.plot(pen=pg.mkPen(colours[block], width=1.5))
            self._legend.setText(" ".join(_mark(name, c) for name, c in colours.items()))
        return self._lines[block]


def _colours(blocks: list[str]) -> dict[str, tuple[int, int, int]]:
    """Return a colour for each block, evenly between the first and the last."""
    found = {}
    for at, block in enumerate(blocks):
        part = at / max(1, len(blocks) - 1)
        red, green, blue = (round(a + part * (b - a)) for a, b in zip(_FIRST, _LAST, strict=True))
        found[block] = (red, green, blue)
    return found


def _mark(name: str, colour: tuple[int, int, int]) -> str:
    return f'<span style="color: rgb{colour}">●</span>&nbsp;{name}'
