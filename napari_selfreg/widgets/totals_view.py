"""The totals of what is in view, of the field, and of the folder, side by side."""

from __future__ import annotations

import math
from typing import Literal

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_selfreg.core.totals import Totals
from napari_selfreg.widgets.numbers import SPACE, in_digits, in_groups

Column = Literal["view", "field", "folder"]

_COLUMNS: dict[Column, tuple[str, str]] = {
    "view": ("View", "What the window shows of the segmented area"),
    "field": ("Field", "The whole segmented area of this image"),
    "folder": ("Folder", "All fields of the list that are segmented, also on earlier days"),
}
_ROWS = (
    ("Objects", "Objects whose centre lies there"),
    ("Area (%)", "Share of the area that belongs to objects"),
    ("Median (µm²)", "Median area of the objects, all of each"),
    ("Density (/mm²)", "Objects per square millimetre"),
)
_NOTHING = "–"


class TotalsView(QWidget):
    """Three columns of four totals."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: dict[Column, list[QLabel]] = {}
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, (title, tip) in enumerate(_ROWS, start=1):
            label = QLabel(title)
            label.setToolTip(tip)
            grid.addWidget(label, row, 0)
        self._folder_parts: list[QWidget] = []
        for column, (name, (title, tip)) in enumerate(_COLUMNS.items(), start=1):
            head = QLabel(f"<b>{title}</b>")
            head.setToolTip(tip)
            grid.addWidget(head, 0, column, Qt.AlignmentFlag.AlignRight)
            self._cells[name] = [self._cell() for _ in _ROWS]
            for row, cell in enumerate(self._cells[name], start=1):
                grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignRight)
            grid.setColumnStretch(column, int(name != "folder"))
            self._folder_parts = [head, *self._cells[name]]  # the folder is the last column
        self.setTotals("folder", None)

    def setTotals(self, column: Column, totals: Totals | None) -> None:
        """Show totals; None empties a column, and hides that of the folder."""
        # The row says the unit: beside each number it would widen the dock, and move the image.
        texts = [_NOTHING] * len(_ROWS) if totals is None else in_words(totals, units=False)
        for cell, text in zip(self._cells[column], texts, strict=True):
            cell.setText(text)
        if column == "folder":
            for part in self._folder_parts:
                part.setVisible(totals is not None)
            self._grid.setColumnStretch(len(_COLUMNS), int(totals is not None))

    def texts(self, column: Column) -> list[str]:
        """Return what a column shows."""
        return [cell.text() for cell in self._cells[column]]

    @staticmethod
    def _cell() -> QLabel:
        cell = QLabel(_NOTHING)
        cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return cell


def in_words(totals: Totals, units: bool = True) -> list[str]:
    """Return objects, area, median size and density as a person reads them.

    Parameters
    ----------
    totals : Totals
        What was counted.
    units : bool
        Whether a unit follows each number.
    """
    return [
        in_groups(totals.objects),
        _number(totals.area_percent, "%" * units),
        _number(totals.median_area_um2, "µm²" * units),
        _number(totals.density_per_mm2, "/mm²" * units),
    ]


def _number(value: float, unit: str) -> str:
    return f"{in_digits(value)}{SPACE}{unit}".rstrip() if math.isfinite(value) else _NOTHING
