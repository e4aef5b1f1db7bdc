"""Live curves of a fine-tuning: losses, and the score on what is held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_selfreg.engine.events import Event, StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BaseScored, Planned, RolledBack

LOSSES = {
    "total": "total",
    "ce": "cross-entropy",
    "dice": "Dice loss",
    "contour": "contour",
    "scr": "SCR",
    "ifd": "IFD",
}
"""Key of an event -> what it is called."""

COLOURS = {
    "ce": ("#56b4e9", "#008ec4"),
    "dice": ("#e69f00", "#ca6a06"),
    "contour": ("#009e73", "#1f8c69"),
    "scr": ("#cc79a7", "#860e5e"),
    "ifd": ("#f0e442", "#783020"),
    "base": ("#9a9a9a", "#6b6b6b"),
    "validation": ("#40ff40", "#0a820a"),
}
"""Colours on a dark and on a light background; the total has that of the text."""

_MIDDLE = 127
_HEIGHT = 120
_FEWEST_STEPS = 4
_MARGIN = 0.02
"""Share of an axis that is left free, so that no mark is cut at its end."""
_TOP_MARGIN = 0.07
"""The same above a Dice of 1, whose number would be cut."""


class Curves(QWidget):
    """Two plots that grow while a model learns; nothing is drawn more often than it is fed.

    pyqtgraph is loaded when the first curve is drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._plots: dict[str, Any] = {}
        self._lines: dict[str, Any] = {}
        self._base_line: Any = None
        self._legend = _caption()
        self._caption = _caption()
        self.points: dict[str, tuple[list[float], list[float]]] = {}
        self.base: float | None = None
        self.kept: float | None = None
        self._planned = 0
        self.hide()

    def clear(self) -> None:
        """Forget all curves."""
        self.points.clear()
        self.base = self.kept = None
        self._planned = 0
        for line in self._lines.values():
            line.setData([], [])
        if self._base_line is not None:
            self._base_line.hide()

    def show_events(self, events: Iterable[Event]) -> None:
        """Add what has happened and draw it at once."""
        seen = [self._take(event) for event in events]
        if any(seen):
            self._draw()

    def _take(self, event: Event) -> bool:
        if isinstance(event, Planned):
            self._planned = event.steps
        elif isinstance(event, StepDone):
            for key in LOSSES:
                if key in event.losses:
                    self._add(key, event.step, event.losses[key])
        elif isinstance(event, ValidationDone):
            self._add("validation", event.step, event.dice)
            if event.best:
                self.kept = event.dice
        elif isinstance(event, BaseScored):
            self.base = event.dice
            self._add("validation", 0, event.dice)
        return isinstance(event, (StepDone, ValidationDone, BaseScored, RolledBack))

    def _add(self, key: str, step: int, value: float) -> None:
        steps, values = self.points.setdefault(key, ([], []))
        steps.append(step)
        values.append(value)

    def _draw(self) -> None:
        if not self._plots:
            self._make()
        self.show()
        for key, (steps, values) in self.points.items():
            self._line(key).setData(steps, values)
        if self.base is not None:
            self._base_line.setValue(self.base)
            self._base_line.show()
        self._show_plan()
        self._tell()

    def _show_plan(self) -> None:
        """Let both plots reach from the first step to the last one that is planned."""
        made = [steps[-1] for steps, _ in self.points.values()]
        end = max(self._planned, _FEWEST_STEPS, *made)
        for plot in self._plots.values():
            plot.setXRange(0, end, padding=_MARGIN)

    def _tell(self) -> None:
        shown = [key for key in LOSSES if key in self.points]
        self._legend.setText(
            _unparted(" &nbsp; ".join(f"{self._dot(key)} {LOSSES[key]}" for key in shown))
        )
        self._caption.setText(_unparted(self.sentence()))

    def sentence(self) -> str:
        """Return the score of the weights that are kept, beside that of the old model."""
        base = "" if self.base is None else f"{self._dot('base')} old model {self.base:.3f}"
        scores = self.points.get("validation", ([], []))[1]
        if self.kept is None and len(scores) < 2:  # the first one is that of the old model
            return f"Held-out Dice: {base}"
        kept = "not better" if self.kept is None else f"{self.kept:.3f}"
        after = "" if scores[-1] == self.kept else f" (last {scores[-1]:.3f})"
        return f"Held-out Dice: {base} &nbsp; {self._dot('validation')} new model {kept}{after}"

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._plots:
            for plot in self._plots.values():
                plot.resetCachedContent()  # pyqtgraph keeps a picture of the old background
            self._colour()
            self._tell()

    def _dot(self, key: str) -> str:
        return f'<span style="color: {self.colour_of(key)}">●</span>'

    def colour_of(self, key: str) -> str:
        """Return the colour of a line in the present theme, as ``#rrggbb``."""
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        if key not in COLOURS:
            return str(ink.name())
        on_dark, on_light = COLOURS[key]
        return on_dark if ink.lightness() > _MIDDLE else on_light

    def _colour(self) -> None:
        """Give everything that is drawn the colours of the present theme."""
        import pyqtgraph as pg

        for key in self._lines:
            self._colour_line(key)
        self._base_line.setPen(pg.mkPen(self.colour_of("base"), width=1.5, dash=[4, 4]))
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for plot in self._plots.values():
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(ink)

    def _colour_line(self, key: str) -> None:
        import pyqtgraph as pg

        colour, width = self.colour_of(key), 2 if key in ("total", "validation") else 1
        self._lines[key].setPen(pg.mkPen(colour, width=width))
        if key == "validation":
            self._lines[key].setSymbolBrush(QColor(colour))

    def _make(self) -> None:
        import pyqtgraph as pg

        for name, caption in (("losses", self._legend), ("validation", self._caption)):
            plot = pg.PlotWidget(background=None)
            plot.setFixedHeight(_HEIGHT)
            plot.setMinimumWidth(150)
            plot.setMouseEnabled(x=False, y=False)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setLimits(minYRange=0.02)
            plot.getAxis("left").setWidth(44)
            self._plots[name] = plot
            self._column.addWidget(caption)
            self._column.addWidget(plot)
        self._plots["validation"].setLimits(yMin=-_MARGIN, yMax=1 + _TOP_MARGIN)
        self._plots["losses"].setToolTip("What the training makes smaller, step by step")
        self._plots["validation"].setToolTip("On strips that the training never sees")
        self._base_line = pg.InfiniteLine(angle=0)
        self._plots["validation"].addItem(self._base_line)
        self._colour()

    def _line(self, key: str) -> Any:
        if key not in self._lines:
            scored = key == "validation"
            plot = self._plots["validation" if scored else "losses"]
            marks = {"symbol": "o", "symbolSize": 5} if scored else {}
            self._lines[key] = plot.plot(**marks)
            self._colour_line(key)
        return self._lines[key]


def _caption() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _unparted(legend: str) -> str:
    """Return a legend whose dots a narrow panel does not part from their words."""
    return " &nbsp; ".join(
        f"{dot}</span>&nbsp;{words.replace(' ', '&nbsp;')}" if found else dot
        for dot, found, words in (entry.partition("</span> ") for entry in legend.split(" &nbsp; "))
    )
