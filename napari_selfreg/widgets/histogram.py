"""How a measurement is spread over the objects, with a range to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.numbers import in_digits

TITLES = {
    "area_um2": "Area (µm²)",
    "perimeter_um": "Perimeter (µm)",
    "eccentricity": "Eccentricity (0 = circle)",
    "solidity": "Solidity (1 = convex)",
    "mean_probability": "Probability",
    "mean_haematoxylin": "Haematoxylin (optical density)",
    "mean_eosin": "Eosin (optical density)",
}
"""Measurement -> what a person reads."""

NO_PLOT = "The histogram needs pyqtgraph: pip install 'napari-selfreg[all]'."

_HEIGHT = 150
_MOST_BINS = 40
_BAR, _SELECTED = "#56b4e9", "#e69f00"
_RANGE, _NO_RANGE = (0, 158, 115, 80), (0, 158, 115, 20)

_NO_BARS = np.zeros(1), np.array([0.0, 1.0])

Values = npt.NDArray[np.float64]


class Histogram(QWidget):
    """A measurement to choose, its histogram, and a range of it to drag.

    Attributes
    ----------
    rangeChanged : Signal()
        Another range is chosen, or none.
    """

    rangeChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Mapping[str, npt.NDArray[Any]] = {}
        self._range: tuple[float, float] | None = None
        self._plot: Any = None
        self._region: Any = None
        self._line: Any = None
        self.measurement = QComboBox()
        self.measurement.setAccessibleName("Measurement")
        self.measurement.setToolTip("The measurement to look at")
        ignore_stray_wheel(self.measurement)
        self.clear_button = QPushButton("Unmark")
        self.clear_button.setToolTip("Choose no range and take the marks from the image")
        self.clear_button.setEnabled(False)
        self.words = QLabel("")
        self.words.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.measurement, 1)
        row.addWidget(self.clear_button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(row)
        self._column.addWidget(self.words)
        self.measurement.currentIndexChanged.connect(self._on_measurement)
        self.clear_button.clicked.connect(self.clearRange)

    def setTable(self, table: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show the measurements of other objects; the range stays if the measurement does."""
        chosen = self.name()
        self._table = table
        names = [
            name for name in TITLES if name in table and np.isfinite(_floats(table[name])).any()
        ]
        with signals_blocked(self.measurement):
            self.measurement.clear()
            for name in names:
                self.measurement.addItem(TITLES[name], name)
            if chosen in names:
                self.measurement.setCurrentIndex(names.index(chosen))
        if not names or chosen not in names:
            self._range = None
        self.setSelected(0)
        self._draw()

    def name(self) -> str:
        """Return the measurement that is looked at, empty without objects."""
        return str(self.measurement.currentData() or "")

    def values(self) -> Values:
        """Return the measurement of every object."""
        return _floats(self._table[self.name()]) if self.name() else np.zeros(0)

    def value(self) -> tuple[float, float] | None:
        """Return the chosen range, None without one."""
        return self._range

    def setValue(self, chosen: tuple[float, float] | None) -> None:
        """Choose a range, as a person would by dragging."""
        self._range = chosen
        if self._region is not None:
            with signals_blocked(self._region):
                self._region.setRegion(chosen if chosen is not None else self._everything())
        self._tell()
        self.rangeChanged.emit()

    def clearRange(self) -> None:
        """Choose no range."""
        self.setValue(None)

    def chosen(self) -> npt.NDArray[np.integer[Any]]:
        """Return the ids of the objects in the chosen range."""
        if self._range is None or not self.name():
            return np.zeros(0, dtype=np.int32)
        low, high = self._range
        values = self.values()
        return np.asarray(self._table["index"])[(values >= low) & (values <= high)]

    def setSelected(self, label: int) -> None:
        """Mark where one object stands; 0 or an unknown one marks nothing."""
        if self._line is None:
            return
        row = np.flatnonzero(np.asarray(self._table.get("index", ())) == label)
        visible = bool(label and row.size and self.name())
        self._line.setVisible(visible)
        if visible:
            self._line.setValue(float(self.values()[row[0]]))

    def load(self) -> None:
        """Make the plot; takes some tenths of a second, so only when it is to be seen."""
        if self._plot is not None:
            return
        try:
            import pyqtgraph
        except ImportError:
            self.words.setText(NO_PLOT)
            return
        plot = pyqtgraph.PlotWidget()
        plot.setFixedHeight(_HEIGHT)
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.getAxis("left").setWidth(34)
        plot.setToolTip("Drag the edges of the green range: its objects are filled in the image")
        self._region = pyqtgraph.LinearRegionItem(brush=_RANGE, hoverBrush=_RANGE, pen=_RANGE[:3])
        self._line = pyqtgraph.InfiniteLine(pen=pyqtgraph.mkPen(_SELECTED, width=2))
        self._bars = pyqtgraph.BarGraphItem(x0=[], x1=[], height=[], brush=_BAR, pen=None)
        for item in (self._bars, self._region, self._line):
            plot.addItem(item)
        self._line.hide()
        self._region.sigRegionChanged.connect(self._on_drag)
        self._plot = plot
        self._colour()
        self._column.insertWidget(1, plot)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._plot is not None:
            self._colour()

    def _colour(self) -> None:
        """Give ground and axes the colours of the present theme."""
        palette, plot = self.palette(), self._plot
        plot.setBackground(palette.color(QPalette.ColorRole.Window))
        for side in ("left", "bottom"):
            for setter in (plot.getAxis(side).setPen, plot.getAxis(side).setTextPen):
                setter(palette.color(QPalette.ColorRole.WindowText))

    def _draw(self) -> None:
        if self._plot is not None:
            values = self.values()
            values = values[np.isfinite(values)]
            bins = min(_MOST_BINS, max(5, int(2 * len(values) ** (1 / 2))))
            counts, edges = np.histogram(values, bins) if values.size else _NO_BARS
            self._bars.setOpts(x0=edges[:-1], x1=edges[1:], height=counts)
            self._plot.setVisible(bool(values.size))
            self._plot.setXRange(float(edges[0]), float(edges[-1]))
            self._plot.setYRange(0, float(counts.max()) or 1.0)
            ticks = [(float(tick), str(tick)) for tick in whole_ticks(int(counts.max()))]
            self._plot.getAxis("left").setTicks([ticks])
            with signals_blocked(self._region):
                self._region.setBounds((float(edges[0]), float(edges[-1])))
                self._region.setRegion(self._range or self._everything())
        self._tell()

    def _everything(self) -> tuple[float, float]:
        values = self.values()
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)

    def _on_measurement(self) -> None:
        self._range = None
        self._draw()
        self.rangeChanged.emit()

    def _on_drag(self) -> None:
        low, high = (float(edge) for edge in self._region.getRegion())
        self._range = (low, high)
        self._tell()
        self.rangeChanged.emit()

    def _tell(self) -> None:
        if self._region is not None:
            self._region.setBrush(_RANGE if self._range is not None else _NO_RANGE)
        self.clear_button.setEnabled(self._range is not None)
        if self._range is None:
            hint = "Drag the edges of the plot to mark a range." if self.name() else ""
            self.words.setText(hint)
            return
        low, high = map(in_digits, self._range)
        count = f"{len(self.chosen())} of {len(self.values())}"
        self.words.setText(f"{count} objects from {low} to {high}")


def whole_ticks(most: int) -> list[int]:
    """Return what to write along an axis of counts: round whole numbers, at most six.

    Parameters
    ----------
    most : int
        The largest count.
    """
    step = next(
        times * 10**zeros
        for zeros in range(len(str(most)) + 1)
        for times in (1, 2, 5)
        if most <= 5 * times * 10**zeros
    )
    return list(range(0, most + 1, step))


def _floats(column: npt.NDArray[Any]) -> Values:
    return np.asarray(column, dtype=np.float64)
