"""Live curves of a fine-tuning: losses, and the score on what is held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_selfreg.engine.events import Event, StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BaseScored, RolledBack

LOSSES = {
    "total": ("total", "#ffffff"),
    "ce": ("cross-entropy", "#56b4e9"),
    "dice": ("Dice loss", "#e69f00"),
    "contour": ("contour", "#009e73"),
    "scr": ("SCR", "#cc79a7"),
    "ifd": ("IFD", "#f0e442"),
}
"""Key of an event -> name and colour; told apart by colour-blind eyes too."""

_BASE, _TUNED = "#9a9a9a", "#40ff40"
_HEIGHT = 120


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
        self.hide()

    def clear(self) -> None:
        """Forget all curves."""
        self.points.clear()
        self.base = None
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
        if isinstance(event, StepDone):
            for key in LOSSES:
                if key in event.losses:
                    self._add(key, event.step, event.losses[key])
        elif isinstance(event, ValidationDone):
            self._add("validation", event.step, event.dice)
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
        self._legend.setText(_legend([key for key in LOSSES if key in self.points]))
        self._caption.setText(_unparted(self.sentence()))

    def sentence(self) -> str:
        """Return the newest score on what is held out, beside that of the old model."""
        base = "" if self.base is None else f"{_dot(_BASE)} old model {self.base:.3f}"
        scores = self.points.get("validation", ([], []))[1]
        new = f" &nbsp; {_dot(_TUNED)} new model {scores[-1]:.3f}" if len(scores) > 1 else ""
        return f"Held-out Dice: {base}{new}"

    def _make(self) -> None:
        import pyqtgraph as pg

        for name, caption in (("losses", self._legend), ("validation", self._caption)):
            plot = pg.PlotWidget(background=None)
            plot.setFixedHeight(_HEIGHT)
            plot.setMinimumWidth(150)
            plot.setMouseEnabled(x=False, y=False)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setLimits(minXRange=4, minYRange=0.02)
            plot.getAxis("left").setWidth(44)
            self._plots[name] = plot
            self._column.addWidget(caption)
            self._column.addWidget(plot)
        self._plots["losses"].setToolTip("What the training makes smaller, step by step")
        self._plots["validation"].setToolTip("On strips that the training never sees")
        dashed = pg.mkPen(_BASE, width=1.5, dash=[4, 4])
        self._base_line = pg.InfiniteLine(angle=0, pen=dashed)
        self._plots["validation"].addItem(self._base_line)

    def _line(self, key: str) -> Any:
        if key not in self._lines:
            import pyqtgraph as pg

            if key == "validation":
                line = self._plots["validation"].plot(
                    pen=pg.mkPen(_TUNED, width=2), symbol="o", symbolSize=5, symbolBrush=_TUNED
                )
            else:
                width = 2 if key == "total" else 1
                line = self._plots["losses"].plot(pen=pg.mkPen(LOSSES[key][1], width=width))
            self._lines[key] = line
        return self._lines[key]


def _caption() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _legend(keys: Iterable[str]) -> str:
    return _unparted(" &nbsp; ".join(f"{_dot(LOSSES[key][1])} {LOSSES[key][0]}" for key in keys))


def _unparted(legend: str) -> str:
    """Return a legend whose dots a narrow panel does not part from their words."""
    return " &nbsp; ".join(
        f"{dot}</span>&nbsp;{words.replace(' ', '&nbsp;')}" if found else dot
        for dot, found, words in (entry.partition("</span> ") for entry in legend.split(" &nbsp; "))
    )


def _dot(colour: str) -> str:
    return f'<span style="color: {colour}">●</span>'
