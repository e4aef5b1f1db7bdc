"""The models a fine-tuning can start from: versions of the project first, then all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QWidget
from superqt.utils import signals_blocked

from napari_selfreg.io.added_models import added_models
from napari_selfreg.io.card import Card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.model_entries import read_model


@dataclass(frozen=True, slots=True)
class Base:
    """A model to start from.

    Parameters
    ----------
    path : Path
        Its bundle.
    card : Card
    label : str
        On screen.
    version : str, optional
        Its id where it is a version of the project.
    """

    path: Path
    card: Card
    label: str
    version: str | None = None


def versions_of(project: Project | None) -> list[Base]:
    """Return the usable versions of a project, newest first."""
    if project is None:
        return []
    found = []
    for record in reversed(project.versions.all):
        entry = read_model(project.versions.path(record.id))
        if entry.card is not None:
            used = " (in use)" if record.id == project.active_version else ""
            found.append(Base(entry.path, entry.card, f"{record.title}{used}", record.id))
    return found


def other_models(
    project: Project | None, models: Mapping[str, Path] | None, dims: tuple[int, ...] = (2,)
) -> list[Base]:
    """Return models, of the package and added, that are no versions of the project.

    Those for pictures (2), for volumes (3), or both, as `dims` says.
    """
    paths = [*bundled_models().values(), *added_models()] if models is None else models.values()
    own = project.folder.resolve() if project is not None else None
    entries = [read_model(path) for path in paths if own not in Path(path).resolve().parents]
    return [
        Base(each.path, each.card, each.card.title)
        for each in entries
        if each.card and each.card.spatial_dims in dims
    ]


def wanted_base(project: Project | None, bases: list[Base], name: str) -> Base | None:
    """Return what to start from: the version in use, what made most fields, or `name`."""
    if project is None:
        return next((base for base in bases if base.card.name == name), None)
    for base in bases:
        if base.version is not None and base.version == project.active_version:
            return base
    makers = Counter(project.facts(record.id).model for record in project.fields)
    for wanted in (*(maker for maker, _ in makers.most_common()), name):
        for base in bases:
            if base.version is None and base.card.name == wanted:
                return base
    return None


class BasePicker(QComboBox):
    """Choose the model to start from.

    Attributes
    ----------
    baseChanged : Signal()
        Another one is chosen.
    """

    baseChanged = Signal()

    def __init__(
        self, models: Mapping[str, Path] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._bases: list[Base] = []
        self._situation: object = None
        self.setToolTip("The model to start from; it is never changed")
        self.setAccessibleName("Start from")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        ignore_stray_wheel(self)
        self.currentIndexChanged.connect(self._on_index)

    def value(self) -> Base | None:
        """Return the chosen model, or None."""
        index = self.currentIndex()
        return self._bases[index] if 0 <= index < len(self._bases) else None

    def offer(self, project: Project | None, name: str = "") -> None:
        """List versions and models, and choose what is most likely wanted.

        What a person has chosen stays until another version is in use.

        Parameters
        ----------
        project : Project or None
        name : str
            Of the model chosen elsewhere, if nothing speaks for another.
        """
        before = self.value()
        situation = (project and (project.folder, project.active_version), name)
        same, self._situation = situation == self._situation, situation
        self._bases = [*versions_of(project), *other_models(project, self._models)]
        with signals_blocked(self):
            self.clear()
            for index, base in enumerate(self._bases):
                self.addItem(base.label)
                self.setItemData(index, base.label, Qt.ItemDataRole.ToolTipRole)
            known = [base for base in self._bases if before and base.path == before.path]
            wanted = known[0] if same and known else wanted_base(project, self._bases, name)
            self.setCurrentIndex(self._bases.index(wanted) if wanted else 0 if self._bases else -1)
        if self.value() != before:
            self.baseChanged.emit()

    def _on_index(self, index: int) -> None:
        self.baseChanged.emit()
