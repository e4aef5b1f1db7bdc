"""The project that is open in a viewer, and the layers that show its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError, SelfRegError, WriteError
from napari_selfreg.io.fields import State
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct.field_door import FieldDoor
from napari_selfreg.widgets.correct.journal_link import JournalLink, is_ahead, is_behind
from napari_selfreg.widgets.correct.layer_fields import (
    NO_PICTURE,
    field_at,
    field_of,
    folder_for,
    image_path,
    is_correctable,
    mark_field,
    new_field,
    project_with,
    show_field,
)
from napari_selfreg.widgets.correct.unshown_results import keep_sizes, same_file, unshown_results
from napari_selfreg.widgets.correct.window_watch import WindowWatch
from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.layers import is_picture, pixel_size_of
from napari_selfreg.widgets.result_info import FIELD_KEY, result_info
from napari_selfreg.widgets.result_plane import label_plane
from napari_selfreg.widgets.results_snapshot import image_of
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.timers import single_shot

APART = (
    "This layer was painted on while its field went on without it: it stays a layer of its own. "
    "Choose the field above to see its corrections too."
)
STILL_THERE = (
    "The corrections are gone from the window, not from the project: choose the field above to "
    "bring them back."
)


class ProjectDesk(QObject):
    """Makes, opens and closes projects, and ties layers to their fields.

    Parameters
    ----------
    viewer : napari.Viewer
        Shows the fields.
    owner : QWidget
        The panel; when it leaves its window the project is closed.

    Attributes
    ----------
    link : JournalLink or None
        The layer with the corrections on show.
    linkChanged : Signal()
        Another field is on show, or none.
    asked : Signal(str)
        A field is to be shown, whether its image can be found or not: its id.
    began : Signal(object)
        A layer has just become the corrections of a field: results from before are older.
    edited : Signal(object)
        Labels were changed: a tuple of `Edit`, empty if only facts about objects were.
    stateChanged : Signal(str)
        The person has said how far she is with a field: its id.
    told : Signal(str)
        A sentence for the person.
    problemChanged : Signal(str)
        Why changes are in memory only; empty once they are on disk.
    imageChanged : Signal(str)
        The image of a field has turned out to be another one: its id.
    """

    linkChanged = Signal()
    began = Signal(object)
    asked = Signal(str)
    edited = Signal(object)
    stateChanged = Signal(str)
    told = Signal(str)
    problemChanged = Signal(str)
    imageChanged = Signal(str)

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self.shared = shared_for(viewer)
        self.link: JournalLink | None = None
        self._retired = False
        self._said = ""
        self.told.connect(self._on_told)
        self.door = FieldDoor(viewer, owner)
        self._watch = WindowWatch(owner)
        self._watch.left.connect(self.close)
        self._gone = single_shot(self, 0, self._tell_gone)
        self.door.shown.connect(self._on_shown)
        self.door.told.connect(self.told)
        self.shared.projectEdited.connect(self.reload)
        self.shared.projectFieldWanted.connect(self.show)
        self.shared.pixelSizeChanged.connect(self._on_pixel_size)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def project(self) -> Project | None:
        """The open project."""
        return None if self._retired else self.shared.project

    @property
    def image(self) -> Any:
        """The image layer below the corrections, None if it is gone."""
        return None if self.link is None else image_of(self._viewer, self.link.layer)

    def offered(self) -> Any:
        """Return the layer that *Start correcting* would take, None if there is none."""
        active = self._viewer.layers.selection.active
        labels = [each for each in self._viewer.layers if is_correctable(self._viewer, each)]
        if active is not None and active in labels:
            return active
        results = [each for each in labels if result_info(each) is not None]
        return next(reversed(results or labels), None)

    def earlier(self) -> Path | None:
        """Return the newest project beside the image on show that holds it, None if none does."""
        layer = self.offered()
        image = None if layer is None else image_of(self._viewer, layer)
        path = None if image is None else image_path(image)
        return None if path is None else project_with(path)

    def start(self, folder: Path | None = None) -> Project:
        """Make a project of the result on show and those of the other opened fields.

        Parameters
        ----------
        folder : Path, optional
            Where; beside the images, or in Documents, without it.

        Raises
        ------
        SelfRegError
            One sentence with the remedy; nothing has changed then.
        """
        layer = self.offered()
        if layer is None:
            raise BadInputError(NO_PICTURE)
        first = new_field(self._viewer, layer)
        others = unshown_results(self.door.fields, first.image)
        news = [first, *(new for new, _ in others)]
        project = Project.create(folder or folder_for(first.image), news)
        self._take(project)
        fields = project.fields
        for record, (_, waiting) in zip(fields[1:], others, strict=True):
            if waiting is not None:
                mark_field(waiting, project, record.id)
        mark_field(layer, project, fields[0].id)
        self._on_pixel_size(None)  # others may have been segmented at another
        self.began.emit(layer)
        self._tie(layer)
        self.shared.projectChanged.emit()
        return project

    def add(self) -> str:
        """Add the result on show to the open project, or show its corrections if it is there.

        Raises
        ------
        SelfRegError
            One sentence with the remedy; nothing has changed then.
        """
        layer, project = self.offered(), self.project
        if layer is None or project is None:
            raise BadInputError(NO_PICTURE)
        new = new_field(self._viewer, layer)
        known = self._field_at(new.image)
        if known is not None:  # its corrections are what counts, not the result they began from
            self._on_shown(new.image)
            return known
        field = project.add_field(new)
        mark_field(layer, project, field)
        self.began.emit(layer)
        self._tie(layer)
        self.shared.projectChanged.emit()
        return field

    def open(self, folder: Path) -> Project:
        """Open a project and show the field that was looked at last; raises SelfRegError."""
        self.close()
        project = Project.open(folder)
        self._take(project)
        for record in project.fields:
            path = project.images.path(record.id)
            if path.is_file():
                self.door.list(path, record.pixel_size, project.facts(record.id).state)
        self.shared.projectChanged.emit()
        self.told.emit(project.reason or " ".join(project.warnings))
        if project.fields:
            self.show(project.looked_at or project.fields[0].id)
        return project

    def close(self) -> None:
        """Write everything, and give the project back."""
        if not alive(self) or self.project is None:
            return
        project = self.project
        if self.link is not None:
            self.link.layer.editable = True
        self._untie()
        project.on_problem = project.images.on_changed = None
        self.shared.set_project(None)
        self.linkChanged.emit()
        try:
            project.close()
        except SelfRegError as error:
            self.told.emit(str(error))

    def retire(self) -> None:
        """Close the project and leave further ones to another desk of this viewer."""
        self.close()
        self._retired = True

    def show(self, field: str) -> None:
        """Show a field of the project."""
        project = self.project
        if project is None or field not in {record.id for record in project.fields}:
            return
        self.asked.emit(field)
        path = project.images.path(field)
        if not path.is_file() or self._is_on_show(field, path):
            return
        if self._image_of_file(path) is not None:
            self._on_shown(path)
        else:
            self.door.show(path)

    def reload(self, fields: tuple[str, ...]) -> None:
        """Show what was changed in the project itself."""
        if self.link is not None and self.link.field in fields:
            self.link.reload()
            self.edited.emit(())

    def set_state(self, state: State) -> None:
        """Note how far the person is with the field on show."""
        if self.link is not None and self.project is not None:
            self.project.set_state(self.link.field, state)
            self.door.set_state(self.project.images.path(self.link.field), state)
            self.stateChanged.emit(self.link.field)

    def unsay(self, sentence: str) -> None:
        """Take a sentence back that is no longer so, unless another was told since."""
        if self._said == sentence:
            self.told.emit("")

    def _on_told(self, sentence: str) -> None:
        self._said = sentence

    def _take(self, project: Project) -> None:
        self.close()
        project.on_problem = self.problemChanged.emit  # queued, if another thread calls
        project.images.on_changed = self.imageChanged.emit
        self.shared.set_project(project)

    def _is_on_show(self, field: str, path: Path) -> bool:
        """Tell whether a field is tied; let go of it if that is on another file than it should."""
        if self.link is None or self.link.field != field:
            return False
        shown = image_path(self.image) if self.image is not None else None
        same = shown is None or same_file(shown, path)
        if not same:
            self._untie()
            self.linkChanged.emit()
        return same

    def _field_at(self, path: Path | None) -> str | None:
        return None if self.project is None else field_at(self.project, path)

    def _image_of_file(self, path: Path) -> Any:
        for layer in self._viewer.layers:
            shown = image_path(layer) if is_picture(layer) else None
            if shown is not None and same_file(shown, path):
                return layer
        return None

    def _on_shown(self, path: Path | None) -> None:
        """Tie the layer of a field that has come onto the viewer; make it if there is none."""
        field, project = self._field_at(path), self.project
        if field is None or project is None or path is None:
            return
        image = self._image_of_file(path)
        if image is None or (self.link is not None and self.link.field == field):
            return
        try:
            layer = self._layer_of(field, image) or show_field(self._viewer, image, project, field)
        except SelfRegError as error:
            self.told.emit(str(error))
        else:
            self._tie(layer)

    def _layer_of(self, field: str, image: Any) -> Any:
        """Return a layer that holds just the corrections of a field, so that none is made twice."""
        assert self.project is not None
        wanted = (str(self.project.folder), field)
        stored = self.project.labels(field)
        for layer in self._viewer.layers:
            info = result_info(layer)
            if info is None or info.image_layer_id != image.unique_id:
                continue
            if np.array_equal(label_plane(layer), stored):
                mark_field(layer, self.project, field)
            if field_of(layer) == wanted and not self._let_go_of(layer, field):
                return layer
        return None

    def _let_go_of(self, layer: Any, field: str) -> bool:
        """Make a layer that was painted on while its field went on elsewhere one of its own."""
        assert self.project is not None
        apart = (
            is_behind(layer, self.project, field)
            and is_ahead(layer)
            and not np.array_equal(label_plane(layer), self.project.labels(field))
        )
        if apart:
            del layer.metadata[FIELD_KEY]
        return apart

    def _on_inserted(self, event: Any) -> None:
        if alive(self) and self.project is not None and isinstance(event.value, Labels):
            if self._is_copy(event.value):
                del event.value.metadata[FIELD_KEY]
            self._tie(event.value)

    def _is_copy(self, layer: Any) -> bool:
        """Tell whether a layer got its mark from the one on show, as *Duplicate layer* does."""
        link, other = self.link, bare(layer)
        if link is None or field_of(other) != (str(link.project.folder), link.field):
            return False
        return other is not link.layer and link.layer in self._viewer.layers

    def _on_removed(self, event: Any) -> None:
        if alive(self) and self.link is not None and bare(event.value) is self.link.layer:
            self._untie()
            self.linkChanged.emit()
            self._gone.start(0)  # a field that makes room for another takes its image along

    def _tell_gone(self) -> None:
        """Say how to get back what a person has removed from the window."""
        shown = (image_path(each) for each in self._viewer.layers if is_picture(each))
        if self.link is None and any(self._field_at(path) for path in shown):
            self.told.emit(STILL_THERE)

    def _tie(self, layer: Any) -> None:
        """Journal a layer from now on, if it shows a field of the open project."""
        project, marked = self.project, field_of(layer)
        if project is None or marked is None or marked[0] != str(project.folder):
            return
        if self.link is not None and self.link.layer is bare(layer):
            return
        if self._let_go_of(layer, marked[1]):
            self.told.emit(APART)
            return
        self._untie()
        self.link = JournalLink(project, marked[1], layer, self)
        self.link.layer.editable = not project.read_only
        self.link.changed.connect(self.edited)
        self.link.told.connect(self.told)
        self.unsay(STILL_THERE)
        self.linkChanged.emit()

    def _on_pixel_size(self, image: Any) -> None:
        """Keep the size a person has chosen for the image of a field, or for its folder."""
        project = self.project
        if project is None or project.read_only:
            return
        shown = image is not None and is_picture(image)
        field = self._field_at(image_path(image)) if shown else None
        size = None if field is None else pixel_size_of(image)
        try:
            if field is not None and size is not None:
                project.images.set_pixel_size(field, size)
            keep_sizes(project, self.door.fields)
        except WriteError as error:
            self.told.emit(str(error))

    def _untie(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.stop()
            link.deleteLater()
