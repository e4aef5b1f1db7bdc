"""Choose a model by what it is for and its terms, read its card, add a file to the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel
from superqt.utils import signals_blocked

from napari_selfreg.io.bundle import SUFFIX
from napari_selfreg.io.card import Card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.card_view import CardDialog, summary
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.model_entries import (
    ModelEntry,
    added_files,
    new_models,
    read_model,
)
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentences import describe_failure

NO_MODEL = "No model is installed: install napari-selfreg again."


class ModelPicker(QWidget):
    """A list of models with a line about the chosen one and its card behind a button.

    Parameters
    ----------
    models : mapping of str to Path, optional
        Name -> bundle; without it the models of the package and those a person has added.
    parent : QWidget, optional
        Parent of the widget.

    Attributes
    ----------
    valueChanged : Signal()
        Another model is chosen.
    told : Signal(str)
        What became of files that were added.
    tryAllWanted : Signal()
        A person wants to see all models side by side.
    """

    valueChanged = Signal()
    told = Signal(str)
    tryAllWanted = Signal()

    def __init__(
        self, models: Mapping[str, Path] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._entries: list[ModelEntry] = []
        self._dialog: CardDialog | None = None
        self._dims: int | None = None
        self._last: dict[int | None, Path] = {}
        self._list = QComboBox()
        self._list.setAccessibleName("Model")
        self._list.setToolTip("The model: what it finds, in which tissue, and who may use it")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._list.setSizeAdjustPolicy(policy)
        self._list.setMinimumContentsLength(12)
        ignore_stray_wheel(self._list)
        self._about = button("Card…", "What it learned, how good it is and what it is bad at")
        self._try = button("Try all…", "Show every fitting model on the current view")
        self._add = button("Add…", f"Add a model file ({SUFFIX}), or drop it on this panel")
        self._about.clicked.connect(self.show_card)
        self._try.clicked.connect(self.tryAllWanted)
        self._add.clicked.connect(self._choose_files)
        self._line = QElidingLabel()
        self._arrange()
        self._runner = JobRunner(self, lane="files")
        self._waiting: list[Path] = []
        self._runner.finished.connect(self._on_read)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._waiting.clear)
        files = bundled_models().values() if models is None else models.values()
        for path in (*files, *(added_files() if models is None else ())):
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

    def entries(self) -> tuple[ModelEntry, ...]:
        """Return all models of the list, also those that cannot be used."""
        return tuple(self._entries)

    def setDims(self, dims: int | None) -> None:
        """List only the models for pictures (2) or for volumes (3); all of them without.

        Going back to the other kind chooses the model that was chosen for it before.
        """
        if dims == self._dims:
            return
        if (before := self.value()) is not None:
            self._last[self._dims] = before
        self._dims = dims
        self._sift()
        if not self._fits(self._entry()):
            fitting = [each for each in self._entries if self._fits(each)]
            last = [each for each in fitting if each.path == self._last.get(dims)]
            for entry in (last or fitting)[:1]:
                self._list.setCurrentIndex(self._entries.index(entry))

    def _fits(self, entry: ModelEntry | None) -> bool:
        card = entry.card if entry is not None else None
        return card is None or self._dims is None or card.spatial_dims == self._dims

    def _sift(self) -> None:
        """Hide the models of the other kind; the keyboard must not reach them either."""
        view: Any = self._list.view()
        model: Any = self._list.model()
        for row, entry in enumerate(self._entries):
            fits = self._fits(entry)
            view.setRowHidden(row, not fits)
            model.item(row).setEnabled(fits)

    def addModel(self, path: Path) -> None:
        """Add a bundle to the end of the list, also if it turns out unusable."""
        self._append(read_model(path))

    def addFiles(self, paths: Sequence[Path]) -> None:
        """Add files for good and choose the last one; those that are no model are told."""
        self._waiting += paths
        self._read_waiting()

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
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        for each in (self._about, self._try, self._add):
            buttons.addWidget(each)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._list)
        column.addWidget(self._line)
        column.addLayout(buttons)

    def _append(self, entry: ModelEntry) -> None:
        self._entries.append(entry)
        self._list.addItem(entry.label)
        self._list.setItemData(self._list.count() - 1, entry.label, Qt.ItemDataRole.ToolTipRole)
        self._sift()

    def _entry(self) -> ModelEntry | None:
        index = self._list.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add models", "", f"Models (*{SUFFIX})")
        if names:
            self.addFiles([Path(name) for name in names])

    def _read_waiting(self) -> None:
        if self._waiting and not self._runner.running:
            paths = tuple(self._waiting)
            self._waiting.clear()
            self._runner.start(new_models, paths)

    def _on_failed(self, error: Exception) -> None:
        self.told.emit(describe_failure(error))
        self._read_waiting()

    def _on_read(self, entries: tuple[ModelEntry, ...]) -> None:
        before = self.value()
        with signals_blocked(self._list):
            for entry in entries:
                if entry.card is not None:
                    self._replace_or_append(entry)
        problems = [entry.problem for entry in entries if entry.card is None]
        titles = [f"“{entry.card.title}” is in the list now." for entry in entries if entry.card]
        if self.value() != before or titles:
            self._on_index(self._list.currentIndex())
        self.told.emit(" ".join([*titles, *problems]))
        self._read_waiting()

    def _replace_or_append(self, entry: ModelEntry) -> None:
        known = [each.path for each in self._entries]
        if entry.path in known:
            index = known.index(entry.path)
            self._entries[index] = entry
            self._list.setItemText(index, entry.label)
        else:
            index = len(known)
            self._append(entry)
        self._list.setCurrentIndex(index)

    def _on_index(self, index: int) -> None:
        self._describe()
        self.valueChanged.emit()

    def _describe(self) -> None:
        card = self.card()
        text = summary(card) if card else self.problem()
        self._line.setText(text)
        self._line.setToolTip(text)
        self._about.setEnabled(card is not None)
