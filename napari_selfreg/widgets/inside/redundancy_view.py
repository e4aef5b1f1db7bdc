"""The tab Redundancy: how alike the channels of every block are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.widgets.guards import alive, ignore_stray_wheel
from napari_selfreg.widgets.inside.block_strip import BlockStrip
from napari_selfreg.widgets.inside.fields_job import FieldNumbers
from napari_selfreg.widgets.inside.looking import Looked
from napari_selfreg.widgets.inside.matrices import Matrix, MatrixSettings, make_matrices
from napari_selfreg.widgets.inside.matrix_picture import MatrixPicture
from napari_selfreg.widgets.inside.numbers_table import NumbersTable
from napari_selfreg.widgets.inside.redundancy_files import save, save_means
from napari_selfreg.widgets.latest import Latest
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.sentences import tell_failure
from napari_selfreg.widgets.timers import single_shot

_MEASURES = {
    False: ("Cosine", "As in the paper; maps after a ReLU look alike by their level alone"),
    True: ("Correlation", "Centred: a common level does not count"),
}
_ORDERS = {
    "ifd": ("As IFD pairs them", "Sorted as IFD sorts channels before it pairs the halves"),
    "cluster": ("Alike ones together", "Groups of channels that say the same become visible"),
    "network": ("As in the network", "Not sorted"),
}
POINT = "Point at a cell; click it to see both channels on the tissue."
NO_MATRICES = "Press Show first: means over fields have no matrices to save."
_NAME = "redundancy.csv"
_FILTER = "Numbers (*.csv);;Picture (*.png);;Drawing (*.svg)"


class RedundancyView(QWidget):
    """Matrices of one block, the numbers of all, and files of both.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.

    Attributes
    ----------
    pairWanted : Signal(str, int, int)
        A block and two channels are to be seen on the tissue.
    drawn : Signal()
        The matrices of the chosen block are there.
    fieldsWanted : Signal()
        A person wants means over all fields of the Open panel.
    """

    pairWanted = Signal(str, int, int)
    drawn = Signal()
    fieldsWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.looked: Looked | None = None
        self._measured: FieldNumbers | None = None
        self._asked: MatrixSettings | None = None
        self._drawn: MatrixSettings | None = None
        self.blocks = BlockStrip()
        self.measure, self.order = QComboBox(), QComboBox()
        for centred, (title, _) in _MEASURES.items():
            self.measure.addItem(title, centred)
        for order, (title, _) in _ORDERS.items():
            self.order.addItem(title, order)
        self.measure.setAccessibleName("Measure")
        self.order.setAccessibleName("Order of channels")
        self.halves = QCheckBox("In two halves, as IFD compares them")
        self.halves.setToolTip("The halves of the chosen order apart, as in Figure 1c of the paper")
        self.picture = MatrixPicture()
        self.cell = sentence_label(POINT)
        self.about = sentence_label()
        self.table = NumbersTable()
        self.fields_button = QPushButton("Measure all fields")
        self.fields_button.setToolTip(
            "Means over the fields of the Open panel, with 95 % intervals (point at a number)"
        )
        self.fields_button.hide()
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip("Save the numbers (CSV) or the matrices (PNG, SVG)")
        self.status = sentence_label()
        self._latest = Latest(self)
        self._latest.failed.connect(tell_failure)
        self._soon = single_shot(self, 0, self._draw)
        self._arrange()
        self._connect()
        self._show_empty()

    @property
    def busy(self) -> bool:
        """Whether matrices are still to come."""
        return self._soon.isActive() or self._latest.running

    def value(self) -> MatrixSettings:
        """Return how matrices are made."""
        return MatrixSettings(
            (self.blocks.value() or ("D1",))[-1],
            self.measure.currentData(),
            self.order.currentData(),
            self.halves.isChecked(),
        )

    def show_looked(self, looked: Looked) -> None:
        """Show the numbers of a look, and the matrices of the chosen block."""
        self.looked, self._measured = looked, None
        self.blocks.setBlocks(tuple(looked.insides[0].blocks))
        numbers = [inside.numbers for inside in looked.insides]
        self.table.setNumbers(looked.request.names, numbers, looked.alike)
        self._explain(_order_words(looked.request.names))
        for part in (self.picture, self.cell, self.table, self.save_button):
            part.show()
        self._draw_soon()

    def show_fields(self, measured: FieldNumbers) -> None:
        """Show means over fields in the table instead of one image."""
        self._measured = measured
        self.table.setMeans(measured)
        self.table.show()
        self.save_button.show()
        told = f"Means over {measured.n} fields; point at one to see its interval."
        if measured.n == 1:
            told = "The numbers of one field."
        self._explain(f"{told} {_order_words(measured.names)}")
        self.status.setText(" ".join(measured.notes))

    def clear(self) -> None:
        """Forget what was seen."""
        if not alive(self):
            return
        self._soon.stop()
        self._latest.clear()
        self.looked = self._asked = self._drawn = self._measured = None
        self._show_empty()

    def save_as(self, path: Path) -> None:
        """Save what is shown, as the suffix says; tells how it ended."""
        try:
            if self._measured is not None and path.suffix.lower() == ".csv":
                written = save_means(path, self._measured)
            elif self.looked is None:
                self.status.setText(NO_MATRICES)
                return
            else:
                # Not what is chosen: its matrices may be still to come.
                written = save(path, self.looked, self.picture, self._drawn or self.value())
        except SelfRegError as error:
            self.status.setText(str(error))
            return
        self.status.setText(f"Saved as {written.name}.")

    def _explain(self, words: str) -> None:
        """Say above the table what its numbers are."""
        self.about.setText(words.strip())
        self.about.setVisible(bool(words.strip()))

    def _show_empty(self) -> None:
        self.picture.setMatrices(())
        self._explain("")
        for part in (self.picture, self.cell, self.table, self.save_button):
            part.hide()
        self.status.setText("Press Show to measure the blocks of the model.")

    def _arrange(self) -> None:
        for box, tips in ((self.measure, _MEASURES), (self.order, _ORDERS)):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)
            box.setToolTip("\n".join(f"{title}: {tip}" for title, tip in tips.values()))
        ignore_stray_wheel(self.measure, self.order)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Block", self.blocks)
        form.addRow("Measure", self.measure)
        form.addRow("Order", self.order)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addLayout(form)
        for part in (
            self.halves,
            self.picture,
            self.cell,
            self.about,
            self.table,
            self.fields_button,
            self.save_button,
            self.status,
        ):
            column.addWidget(part)
        column.addStretch(1)

    def _connect(self) -> None:
        self.blocks.valueChanged.connect(self._draw_soon)
        self.measure.currentIndexChanged.connect(self._draw_soon)
        self.order.currentIndexChanged.connect(self._draw_soon)
        self.halves.toggled.connect(self._draw_soon)
        self._latest.done.connect(self._on_drawn)
        self.picture.cellEntered.connect(self._on_cell)
        self.picture.cellClicked.connect(self._on_click)
        self.fields_button.clicked.connect(self._on_fields)
        self.save_button.clicked.connect(self._choose_file)

    def _draw_soon(self, *_: object) -> None:
        if self.looked is not None:
            self._soon.start()

    def _draw(self) -> None:
        if self.looked is not None:
            self._asked = self.value()
            self._latest.submit(make_matrices, self.looked, self._asked)

    def _on_drawn(self, matrices: tuple[Matrix, ...]) -> None:
        if alive(self) and self.looked is not None and self._asked is not None:
            self._drawn = self._asked
            self.picture.setMatrices(matrices, signed=self._asked.centred)
            if self._measured is None:
                self.status.clear()
            self.drawn.emit()

    def _on_fields(self) -> None:
        self.fieldsWanted.emit()

    def _on_cell(self, text: str) -> None:
        self.cell.setText(text or POINT)

    def _on_click(self, first: int, second: int) -> None:
        if self._drawn is None:
            return
        self.cell.setText(
            f"On the tissue: channel {first} in blue, {second} in yellow, green where both answer."
        )
        # Not the block that is chosen: its matrices may be still to come.
        self.pairWanted.emit(self._drawn.block, first, second)

    def _choose_file(self) -> None:
        name, chosen = QFileDialog.getSaveFileName(self, "Save", _NAME, _FILTER)
        if not name:
            return
        asked = path = Path(name)
        # Qt leaves the suggested name as it is when another kind of file is chosen.
        if not path.suffix or path.name == _NAME:
            suffix = chosen[chosen.find("*") + 1 : chosen.find(")")] if chosen else ".csv"
            path = path.with_suffix(suffix)
        if path != asked and path.exists():  # nobody was asked about this one
            self.status.setText(f"{path.name} is there already: choose it to replace it.")
            return
        self.save_as(path)


def _order_words(names: Sequence[str]) -> str:
    """Return whose numbers stand above whose."""
    if len(names) < 2:
        return ""
    return f"Of each pair the upper number is of {names[0]}, the lower of {names[1]}."


def is_measured(looked: Looked | None) -> bool:
    """Tell whether a look holds numbers."""
    return looked is not None and all(bool(each.numbers) for each in looked.insides)
