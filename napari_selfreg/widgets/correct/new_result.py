"""A new result on a field of the open project: a layer of its own, until a person takes it over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from napari_selfreg.core.edit import ChunkTracker, Edit
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PostProcessing
from napari_selfreg.io.project import FieldFacts, ObjectState, Project, ProjectField
from napari_selfreg.io.project.new_objects import NewObjects, around_reviewed
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.correct.layer_fields import field_at, image_path, unmeasured
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.result_info import IMPORTED, ResultInfo, result_info
from napari_selfreg.widgets.result_plane import feature_rows, label_plane, table_of
from napari_selfreg.widgets.sentence_label import sentence_label

BESIDE = (
    "Your corrections of this field stay as they are: this result is a layer of its own, which "
    "you can take over in the tab Correct."
)
ASK = "“{}” is a newer result on this field. Your corrections are as you left them."
TAKEN = (
    "The new objects are in the corrections; reviewed pixels and accepted objects are as before. "
    "Ctrl+Z takes this back."
)
SAME = "Nothing to take over: the new result differs only where you have reviewed or accepted."


def note_beside(project: Project | None, image: Any) -> str:
    """Return what to say of a result on an image; empty if it is in no field of the project."""
    known = None if project is None else field_at(project, image_path(image))
    return BESIDE if known is not None else ""


@dataclass(frozen=True, slots=True)
class _Origin:
    """What has made the objects of a field, and how."""

    model: str
    version: str
    settings: PostProcessing | None

    @classmethod
    def of(cls, project: Project, field: str) -> _Origin:
        facts = project.facts(field)
        return cls(facts.model, facts.version, project.field(field).settings)

    def put(self, project: Project, field: str) -> None:
        """Have a project say so of a field."""
        known = self.of(project, field)
        if (known.model, known.version) != (self.model, self.version):
            project.set_model(field, self.model, self.version)
        if known.settings != self.settings:
            project.change_fields(self._settings_in(field))

    def _settings_in(self, field: str) -> Callable[[ProjectField], ProjectField]:
        def change(record: ProjectField) -> ProjectField:
            mine = record.id == field
            return record.model_copy(update={"settings": self.settings}) if mine else record

        return change


@dataclass(frozen=True, slots=True)
class _Taken:
    """A result that was taken over: its objects, and where those of the field were and are from."""

    folder: Path
    field: str
    new: tuple[int, ...]
    before: _Origin
    after: _Origin

    def stands(self, facts: FieldFacts) -> bool:
        """Tell whether it is not undone: what is said of an object goes with its last pixel."""
        return not self.new or any(
            facts.objects.get(one, ObjectState()).class_name for one in self.new
        )


class NewResult(QFrame):
    """Offers the newest result on the field on show; hidden while there is none.

    Parameters
    ----------
    viewer : napari.Viewer
    desk : ProjectDesk
        Knows the corrections on show.
    parent : QWidget, optional
        Parent of the box.
    """

    def __init__(self, viewer: Any, desk: ProjectDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._desk = viewer, desk
        self._newest: Any = None
        self._taken: list[_Taken] = []
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = sentence_label()
        self.button = button(
            "Take over what is not reviewed",
            "Put its objects into the corrections, except in reviewed pixels and accepted objects",
        )
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(self.button)
        self.button.clicked.connect(self._on_button)
        desk.shared.resultChanged.connect(self._on_result)
        desk.began.connect(self._on_began)
        desk.linkChanged.connect(self.refresh)
        desk.edited.connect(self._on_edited)
        desk.shared.projectEdited.connect(self._on_project_edited)
        viewer.layers.events.removed.connect(self._on_removed)
        self.refresh()

    def offered(self) -> Any:
        """Return the layer that could be taken over, None if there is none."""
        link, layer, image = self._desk.link, self._newest, self._desk.image
        info = None if layer is None else result_info(layer)
        if link is None or link.project.read_only or info is None or image is None:
            return None
        own = result_info(link.layer)
        fits = own is not None and (own.origin, own.factors) == (info.origin, info.factors)
        same = label_plane(layer).shape == link.labels.shape
        there = layer in self._viewer.layers and info.image_layer_id == image.unique_id
        return layer if fits and same and there and layer is not link.layer else None

    def refresh(self) -> None:
        """Show what there is to take over."""
        layer = self.offered()
        self.text.setText("" if layer is None else ASK.format(layer.name))
        self.setVisible(layer is not None)

    def take(self) -> None:
        """Put the objects around what is reviewed and accepted, as one step of the layer."""
        layer, link = self.offered(), self._desk.link
        info = None if layer is None else result_info(layer)
        if link is None or info is None:
            return
        link.look()
        found = _found(link.field, layer, info)
        merged, named = around_reviewed(link.project, found, looked_at(info, link.labels.shape))
        edits = ChunkTracker(link.labels).update(merged)
        self._newest = None
        if edits:
            self._put(link, edits, named, info)
        layer.visible = False  # its outlines would lie on those of the corrections
        self._viewer.layers.selection.active = link.layer  # so that Ctrl+Z goes there
        self._desk.told.emit(TAKEN if edits else SAME)
        self.refresh()

    def _put(
        self,
        link: JournalLink,
        edits: Iterable[Edit],
        named: dict[int, ObjectState],
        info: ResultInfo,
    ) -> None:
        project, before = link.project, _Origin.of(link.project, link.field)
        settings = before.settings if info.model_name == IMPORTED else info.settings
        after = _Origin(info.model_name, info.model_version, settings)
        link.edit(edits, named)
        link.layer.features = feature_rows(unmeasured(project.facts(link.field)))
        after.put(project, link.field)
        new = tuple(one for one, said in named.items() if said.class_name)
        self._taken.append(_Taken(project.folder, link.field, new, before, after))

    def _on_edited(self, edits: Any = None) -> None:
        """Say again who has made the objects, when a step is undone or done again."""
        link = self._desk.link
        if link is None or not edits:
            return
        place = link.project.folder, link.field
        mine = [one for one in self._taken if (one.folder, one.field) == place]
        if not mine:
            return
        facts = link.project.facts(link.field)
        standing = (one.after for one in reversed(mine) if one.stands(facts))
        next(standing, mine[0].before).put(link.project, link.field)

    def _on_project_edited(self, fields: tuple[str, ...]) -> None:
        """Forget what was taken over in fields that a model has gone through again since."""
        self._taken = [one for one in self._taken if one.field not in fields]

    def _on_result(self, layer: Any) -> None:
        self._newest = bare(layer)
        self.refresh()

    def _on_began(self, layer: Any) -> None:
        """Forget what was found on an image before its corrections began: it is no newer."""
        begun, newest = result_info(layer), result_info(self._newest)
        if begun and newest and begun.image_layer_id == newest.image_layer_id:
            self._newest = None

    def _on_removed(self, event: Any) -> None:
        if alive(self) and bare(event.value) is self._newest:
            self._newest = None
            self.refresh()

    def _on_button(self, checked: bool = False) -> None:
        try:
            self.take()
        except SelfRegError as error:
            self._desk.told.emit(str(error))


def looked_at(info: ResultInfo, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which pixels of a result layer were segmented, shape (Y, X)."""
    looked = np.zeros(shape, bool)
    looked[info.place.slices] = True if info.mask is None else info.mask
    return looked


def _found(field: str, layer: Any, info: ResultInfo) -> NewObjects:
    table = table_of(layer.features)
    usual = info.classes[0] if len(info.classes) == 1 else ""
    labels = np.asarray(label_plane(layer), np.int32)
    classes = dict.fromkeys(np.unique(labels).tolist(), usual)
    named = zip(table.get("index", ()), table.get("class", ()), strict=False)
    classes.update({int(one): str(name) for one, name in named if name})
    return NewObjects(field, labels, classes)
