"""The numbers of every block as a table; of two models one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_selfreg.core.bootstrap import Interval

if TYPE_CHECKING:
    from napari_selfreg.widgets.inside.fields_job import FieldNumbers


@dataclass(frozen=True, slots=True)
class Column:
    """One number.

    Parameters
    ----------
    field : str
        Of `BlockNumbers`.
    title : str
        On screen.
    tip : str
        What it says.
    digits : int
        Behind the point: no more than fit beside six other columns.
    """

    field: str
    title: str
    tip: str
    digits: int = 2


COLUMNS = (
    Column("similarity", "Alike", "Mean cosine between different channels: 1 = all the same"),
    Column(
        "similarity_centred",
        "Corr.",
        "Mean correlation between different channels, which is not raised by a common level",
    ),
    Column("effective_rank", "Rank", "How many channels the block uses in effect", 1),
    Column("dead", "Dead", "Channels that are zero everywhere here", 0),
    Column("scr_distance", "SCR", "Distance to the last decoder block: what SCR makes small"),
    Column("ifd", "IFD", "Distance between the two halves: what IFD makes small"),
)
CKA = Column(
    "cka",
    "CKA",
    "How alike both models see at this block (linear CKA without bias): 1 = the same patterns, "
    "about 0 = unrelated ones, – = too few places to tell",
)


class NumbersTable(QTableWidget):
    """A row per block, a column per number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 0, parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Numbers per block")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(20)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.verticalHeader().setMinimumSectionSize(10)

    def setNumbers(
        self,
        names: Sequence[str],
        numbers: Sequence[Mapping[str, Any]],
        alike: Mapping[str, float],
    ) -> None:
        """Show the numbers of one or two models.

        Parameters
        ----------
        names : sequence of str
            Of the models.
        numbers : sequence of mapping of str to BlockNumbers
            One per model.
        alike : mapping of str to float
            CKA per block, if there are two.
        """
        found = [
            {
                block: {column.field: getattr(each, column.field) for column in COLUMNS}
                for block, each in model.items()
            }
            for model in numbers
        ]
        self._fill(names, found, alike)

    def setMeans(self, measured: FieldNumbers) -> None:
        """Show means over fields; pointing at one shows its interval."""
        self._fill(measured.names, measured.means, measured.alike)

    def _fill(
        self,
        names: Sequence[str],
        numbers: Sequence[Mapping[str, Mapping[str, Any]]],
        alike: Mapping[str, Any],
    ) -> None:
        columns = (*COLUMNS, *((CKA,) if alike else ()))
        blocks = list(dict.fromkeys(block for each in numbers for block in each))
        self.setRowCount(len(blocks))
        self.setColumnCount(len(columns))
        for place, column in enumerate(columns):
            title = QTableWidgetItem(column.title)
            title.setToolTip(column.tip)
            self.setHorizontalHeaderItem(place, title)
        for row, block in enumerate(blocks):
            self.setVerticalHeaderItem(row, QTableWidgetItem(block))
            for place, column in enumerate(columns):
                if column is CKA:
                    values, whose = [alike.get(block)], [""]
                else:
                    values = [each.get(block, {}).get(column.field) for each in numbers]
                    whose = [f"{name}: " for name in names]
                self.setItem(row, place, _cell(column, whose, values))
        self.resizeRowsToContents()
        self._fit()

    def _fit(self) -> None:
        """Be as high as the rows: the panel scrolls, not the table."""
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(rows + self.horizontalHeader().sizeHint().height() + 4)


def _cell(column: Column, whose: Sequence[str], values: Sequence[Any]) -> QTableWidgetItem:
    item = QTableWidgetItem("\n".join(_short(column, value) for value in values))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    lines = [f"{who}{_long(column, value)}" for who, value in zip(whose, values, strict=True)]
    item.setToolTip("\n".join([column.tip, *lines]))
    return item


def _short(column: Column, value: Any) -> str:
    if value is None:
        return "–"
    number = value.mean if isinstance(value, Interval) else value
    return f"{round(number, column.digits) + 0.0:.{column.digits}f}"  # never -0.00


def _long(column: Column, value: Any) -> str:
    """Return a number with a digit more than the table has room for, and its interval."""
    if value is None:
        return _short(column, value)
    if not isinstance(value, Interval):
        return f"{value:.{column.digits + 1}f}" if column.digits else _short(column, value)
    digits = max(2, column.digits + 1)
    return f"{value.mean:.{digits}f} ({value.low:.{digits}f} to {value.high:.{digits}f})"
