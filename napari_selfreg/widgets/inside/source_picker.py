"""Choose a network to look into: versions of the project, models of the list, or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget
from superqt.utils import signals_blocked

from napari_selfreg.io.bundle import SUFFIX
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.bases import other_models, versions_of
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.model_entries import read_model

NOTHING = "Nothing"
A_FILE = "A file…"


class SourcePicker(QComboBox):
    """A list of networks.

    Parameters
    ----------
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
    none : bool
        Whether nothing can be chosen, which is the first entry then.
    extra : sequence of Source
        Networks that are no files; they come first.
    parent : QWidget, optional
        Parent of the list.

    Attributes
    ----------
    sourceChanged : Signal()
        Another one is chosen.
    told : Signal(str)
        Why a file could not be taken.
    """

    sourceChanged = Signal()
    told = Signal(str)

    def __init__(
        self,
        models: Mapping[str, Path] | None = None,
        *,
        none: bool = False,
        extra: Sequence[Source] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._none = none
        self._extra = list(extra)
        self._sources: list[Source | None] = []
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(12)
        ignore_stray_wheel(self)
        self._chosen: Source | None = None
        self.currentIndexChanged.connect(self._on_index)

    def value(self) -> Source | None:
        """Return the chosen network, or None."""
        return self._chosen

    def setValue(self, wanted: str) -> None:
        """Choose by the name on the card or by the label; an empty text chooses nothing."""
        for index, source in enumerate(self._sources):
            if (source is None and not wanted) or (
                source is not None and wanted in (source.name, source.label)
            ):
                self.setCurrentIndex(index)
                return

    def choose(self, source: Source) -> None:
        """Choose a network of the list."""
        place = self._place_of(source)
        if self._sources[place : place + 1]:
            self.setCurrentIndex(place)

    def sources(self) -> tuple[Source, ...]:
        """Return all networks of the list."""
        return tuple(source for source in self._sources if source is not None)

    def offer(self, project: Project | None) -> None:
        """List what there is; the choice stays if it is still there."""
        bases = [*versions_of(project), *other_models(project, self._models, dims=(2, 3))]
        files = [Source(base.label, base.card, base.path) for base in bases]
        self._sources = [*([None] if self._none else []), *self._extra, *files]
        before = self._chosen
        with signals_blocked(self):
            self.clear()
            for index, source in enumerate(self._sources):
                label = NOTHING if source is None else source.label
                self.addItem(label)
                self.setItemData(index, label, Qt.ItemDataRole.ToolTipRole)
            self.insertSeparator(self.count())
            self.addItem(A_FILE)
            self.setCurrentIndex(self._place_of(before))
        self._on_index(self.currentIndex())

    def add_file(self, path: Path) -> None:
        """Add a bundle to the list and choose it, or tell why not."""
        entry = read_model(path)
        if entry.card is None:
            self.told.emit(entry.problem)
            return
        source = Source(entry.card.title, entry.card, entry.path)
        if self._holds(source):
            self.choose(source)
            return
        self._extra.append(source)
        self._chosen = self._extra[-1]
        self._offer_again()

    def _offer_again(self) -> None:
        source = self._chosen
        at = 1 if self._none else 0
        place = at + len(self._extra) - 1
        with signals_blocked(self):
            self._sources.insert(place, source)
            self.insertItem(place, source.label if source else NOTHING)
            self.setCurrentIndex(place)
        self.sourceChanged.emit()

    def _holds(self, source: Source) -> bool:
        return any(each.model == source.model for each in self.sources())

    def _place_of(self, source: Source | None) -> int:
        if source is not None:
            for index, other in enumerate(self._sources):
                if other is source or (
                    other is not None
                    and isinstance(other.model, Path)
                    and other.model == source.model
                ):
                    return index
        return 0 if self._sources else -1

    def _on_index(self, index: int) -> None:
        if 0 <= index < len(self._sources):
            before, self._chosen = self._chosen, self._sources[index]
            if before is not self._chosen:
                self.sourceChanged.emit()
        elif self.itemText(index) == A_FILE:
            with signals_blocked(self):
                self.setCurrentIndex(self._place_of(self._chosen))
            name, _ = QFileDialog.getOpenFileName(self, "Look into", "", f"Models (*{SUFFIX})")
            if name:
                self.add_file(Path(name))
