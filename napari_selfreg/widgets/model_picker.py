"""Choose a model and read its card."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.card import Card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.widgets.card_view import CardDialog, summary
from napari_selfreg.widgets.guards import ignore_stray_wheel

logger = logging.getLogger(__name__)

NO_MODEL = "No model is installed: install napari-selfreg again."


@dataclass(frozen=True, slots=True)
class _Entry:
    """One model: its file, and its card or what is wrong with it."""

    path: Path
    card: Card | None
    problem: str = ""


class ModelPicker(QWidget):
    """A list of models with a line about the chosen one and its card behind a button.

    Parameters
    ----------
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package without it.
    parent : QWidget, optional
        Parent of the widget.

    Attributes
    ----------
    valueChanged : Signal()
        Another model is chosen.
    """

    valueChanged = Signal()

    def __init__(
        self, models: Mapping[str, Path] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._entries: list[_Entry] = []
        self._dialog: CardDialog | None = None
        self._list = QComboBox()
        self._list.setToolTip("The model: what it finds, and in which tissue")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._list.setSizeAdjustPolicy(policy)
        self._list.setMinimumContentsLength(12)
        ignore_stray_wheel(self._list)
        self._about = QPushButton("Card…")
        self._about.setToolTip("What this model learned, how good it is and what it is bad at")
        self._about.clicked.connect(self.show_card)
        self._line = QLabel()
        self._line.setWordWrap(True)
        self._arrange()
        for path in (bundled_models() if models is None else models).values():
            self.addModel(path)
        self._list.currentIndexChanged.connect(self._on_index)
        self._describe()

    def value(self) -> Path | None:
        """Return the file of the chosen model, or None."""
        entry = self._entry()
        return entry.path if entry else None

    def setValue(self, value: Path | str) -> None:
        """Choose a model of the list by its file or by its name."""
        for index, entry in enumerate(self._entries):
            if value in (entry.path, entry.card.name if entry.card else None):
                self._list.setCurrentIndex(index)

    def card(self) -> Card | None:
        """Return the card of the chosen model, None if there is none to use."""
        entry = self._entry()
        return entry.card if entry else None

    def problem(self) -> str:
        """Return why the chosen model cannot be used, or an empty text."""
        entry = self._entry()
        return entry.problem if entry else NO_MODEL

    def addModel(self, path: Path) -> None:
        """Add a bundle to the end of the list, also if it turns out unusable."""
        try:
            entry = _Entry(path, read_card(path))
        except BadModelError as error:
            logger.warning("%s", error)
            entry = _Entry(path, None, str(error))
        self._entries.append(entry)
        title = entry.card.title if entry.card else f"{path.stem} (unusable)"
        self._list.addItem(title)
        self._list.setItemData(self._list.count() - 1, title, Qt.ItemDataRole.ToolTipRole)

    def show_card(self) -> None:
        """Show the card of the chosen model beside the window."""
        card = self.card()
        if card is None:
            return
        if self._dialog is not None:
            self._dialog.close()
        self._dialog = CardDialog(card, self)
        self._dialog.show()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._list, 1)
        row.addWidget(self._about)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._line)

    def _entry(self) -> _Entry | None:
        index = self._list.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def _on_index(self, index: int) -> None:
        self._describe()
        self.valueChanged.emit()

    def _describe(self) -> None:
        card = self.card()
        self._line.setText(summary(card) if card else self.problem())
        self._about.setEnabled(card is not None)
