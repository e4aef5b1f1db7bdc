"""What the project's buttons do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct.ask import (
    ask_copy,
    ask_image,
    ask_other_image,
    ask_project,
    ask_to_go_on,
)
from napari_selfreg.widgets.correct.image_notice import image_notice
from napari_selfreg.widgets.correct.layer_fields import image_path, is_correctable
from napari_selfreg.widgets.correct.project_box import ProjectBox
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.layers import is_picture
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.volume.correcting import not_yet

_NO_LAYER = "There is nothing to correct yet: segment an image, or import its labels in Results."

NOT_KEPT = "“{}” is not in the project: strokes on it are not kept. Choose “{}” to go on."


def told(method: Callable[..., None]) -> Callable[..., None]:
    """Turn what goes wrong in a method into a sentence in the panel."""

    @wraps(method)
    def guarded(self: Any, *args: Any) -> None:
        try:
            method(self, *args)
        except SelfRegError as error:
            self.desk.told.emit(str(error))

    return guarded


def copy_project(project: Project, folder: Path) -> Generator[Event, None, Path]:
    """Copy an open project, on which a person goes on working; other disks may be slow.

    Parameters
    ----------
    project : Project
    folder : Path
        Of the copy.

    Returns
    -------
    Path
        The same.
    """
    yield Progress(0, 1)
    return project.copy_to(folder)


class ProjectActions(QObject):
    """Makes, opens, copies and closes projects.

    Parameters
    ----------
    viewer : napari.Viewer
    desk : ProjectDesk
    box : ProjectBox
        Its buttons.
    panel : QWidget
        Parent of dialogs.

    Attributes
    ----------
    copying : JobRunner
        Of the copy that is written.
    """

    def __init__(self, viewer: Any, desk: ProjectDesk, box: ProjectBox, panel: QWidget) -> None:
        super().__init__(panel)
        self._viewer = viewer
        self.desk = desk
        self._box = box
        self._panel = panel
        box.start_button.clicked.connect(self._on_start)
        box.open_button.clicked.connect(self._on_open)
        box.close_button.clicked.connect(self._on_close)
        box.copy_button.clicked.connect(self._on_copy)
        box.locate_button.clicked.connect(self._on_locate)
        box.fields.activated.connect(self._on_field)
        desk.asked.connect(self._on_asked)
        desk.linkChanged.connect(self._on_shown)
        desk.edited.connect(self._on_edited)
        desk.stateChanged.connect(self._mark)
        desk.problemChanged.connect(self._on_problem)
        desk.imageChanged.connect(self.refresh)
        desk.shared.projectChanged.connect(self.refresh)
        desk.shared.projectEdited.connect(self._on_project_edited)
        desk.shared.fieldChanged.connect(self._on_shown)
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed):
            emitter.connect(self.refresh)
        viewer.layers.selection.events.active.connect(self.refresh)
        self.copying = JobRunner(panel, lane="copy")
        self.copying.finished.connect(self._on_copied)
        self.copying.failed.connect(self._on_not_copied)
        self.copying.cancelled.connect(self._on_cancelled)
        self._wanted: str | None = None
        self._image = ""
        self._on_shown()

    def refresh(self, event: Any = None) -> None:
        """Show what there is."""
        project, link = self.desk.project, self.desk.link
        self._image = image_notice(project, self._wanted)
        self._box.setProject(project, self._wanted)
        offered = self.desk.offered()
        waiting = offered is not None and link is None
        self._box.start_button.setVisible(project is None or waiting)
        self._box.locate_button.setVisible(bool(self._image))
        self._box.setNotice("")
        self._on_problem(project.problem if project is not None else "")

    @told
    def _on_start(self, checked: bool = False) -> None:
        if words := not_yet(self._viewer):
            self.desk.told.emit(words)
        elif self.desk.offered() is None:
            self.desk.told.emit(_NO_LAYER)
        elif self.desk.project is None:
            self._open_or_begin()
        else:
            self.desk.add()
            self.desk.told.emit("")  # "All fields are done." is no longer so

    def _open_or_begin(self) -> None:
        """Go on with corrections of an earlier day, or begin; not if she has changed her mind."""
        earlier = self.desk.earlier()
        answer = "anew" if earlier is None else ask_to_go_on(self._panel, earlier.stem)
        if earlier is not None and answer == "go on":
            self.desk.open(earlier)
        elif answer == "anew":
            project = self.desk.start()
            self.desk.told.emit(f"Corrections are kept in the folder {project.folder.name}.")

    @told
    def _on_open(self, checked: bool = False) -> None:
        folder = ask_project(self._panel, self._near())
        if folder is not None:
            self.desk.open(folder)

    def _on_close(self, checked: bool = False) -> None:
        self._wanted = None
        self.desk.told.emit("")  # it was about the project; what goes wrong now is told after it
        self.desk.close()

    @told
    def _on_copy(self, checked: bool = False) -> None:
        project = self.desk.project
        folder = ask_copy(self._panel, Path.home()) if project is not None else None
        if project is not None and folder is not None and not self.copying.running:
            self._box.copy_button.setEnabled(False)
            self.desk.told.emit("Copying the project…")
            self.copying.start(copy_project, project, folder / project.folder.name)

    def _on_copied(self, target: Path) -> None:
        self._end_copying(f"A copy of everything is in {target}.")

    def _on_not_copied(self, error: Exception) -> None:
        self._end_copying(describe_failure(error))

    def _on_cancelled(self) -> None:
        """Tell how a copy ended all the same: nothing interrupts it, though its dock is closed."""
        if self.copying.late_result is not None:
            self._on_copied(self.copying.late_result)
        elif self.copying.late_error is not None:
            self._on_not_copied(self.copying.late_error)
        else:
            self._end_copying()

    def _end_copying(self, words: str = "") -> None:
        self._box.copy_button.setEnabled(True)
        self.desk.told.emit(words)

    @told
    def _on_locate(self, checked: bool = False) -> None:
        project, field = self.desk.project, self._wanted
        if project is None or field is None:
            return
        place = project.images.path(field)
        chosen = ask_image(self._panel, place.parent, place.name)
        if chosen is None:
            return
        try:
            found = project.images.locate(field, chosen)
        except BadInputError as error:
            if "may differ" not in str(error) or not ask_other_image(self._panel, str(error)):
                raise
            found = project.images.locate(field, chosen, changed=True)
        self.desk.told.emit(f"{len(found)} image{'s' * (len(found) != 1)} found again.")
        self.desk.show(field)
        self.refresh()

    def _on_field(self, index: int) -> None:
        self.desk.show(self._box.fields.itemData(index))

    def _on_asked(self, field: str) -> None:
        """Choose a field even if its image is missing: *Locate…* is about it then."""
        self._wanted = field
        self.refresh()

    def _on_shown(self, field: Any = None) -> None:
        """Follow the field that has come on show."""
        link = self.desk.link
        if link is not None:
            self._wanted = link.field
        self.refresh()

    def _on_edited(self, edits: Any) -> None:
        """Show that the field on show is corrected now."""
        if self.desk.link is not None:
            self._mark(self.desk.link.field)

    def _on_project_edited(self, fields: tuple[str, ...]) -> None:
        for field in fields:
            self._mark(field)

    def _mark(self, field: str) -> None:
        if self.desk.project is not None:
            self._box.setMark(self.desk.project, field)

    def _on_problem(self, problem: str) -> None:
        project = self.desk.project
        if problem:
            self._box.setNotice(problem, copy=True)
        elif project is not None:
            said = project.reason or self._beside(), self._image
            self._box.setNotice(" ".join(filter(None, said)))

    def _beside(self) -> str:
        """Warn of a layer whose strokes nobody keeps while a person may believe so."""
        link, active = self.desk.link, bare(self._viewer.layers.selection.active)
        if link is None or active is link.layer or not is_correctable(self._viewer, active):
            return ""
        return NOT_KEPT.format(active.name, link.layer.name)

    def _near(self) -> Path:
        """Return the folder of an opened image, to begin looking in."""
        paths = (image_path(each) for each in self._viewer.layers if is_picture(each))
        return next((path.parent for path in paths if path is not None), Path.home())
