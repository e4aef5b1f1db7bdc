"""The model version that a project has in use is chosen again when the project is opened."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.added_models import forget_model
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.model_picker import ModelPicker
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.shared import Shared

AGAIN = "{} of the project {} is in use again: it segments from now on."


class VersionInUse(QObject):
    """Follows the open project with a list of models.

    Parameters
    ----------
    shared : Shared
    picker : ModelPicker
        Gets the version, and chooses it.
    parent : QObject, optional
        Parent.

    Attributes
    ----------
    label : QLabel
        Says it as long as the version is chosen; for the panel to show.
    told : Signal(str)
        Which version is chosen, or why it is not.
    """

    told = Signal(str)

    def __init__(self, shared: Shared, picker: ModelPicker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shared, self._picker = shared, picker
        self._project: Project | None = None
        self._wanted: Path | None = None
        self._words = ""
        self.label = sentence_label()
        self.label.hide()
        self._said: Path | None = None
        shared.projectChanged.connect(self.look)
        picker.told.connect(self._on_read)
        picker.valueChanged.connect(self._on_model)

    def look(self) -> None:
        """Choose the version of a project that was opened; closing one changes nothing."""
        project = self._shared.project
        if not alive(self) or project is self._project:
            return
        self._project, self._wanted, self._said = project, None, None
        self._on_model()
        active = project.versions.active if project is not None else None
        if project is None or active is None:
            return
        try:
            path = project.versions.check(active.id).resolve()
        except SelfRegError as error:
            self.told.emit(str(error))
            return
        for other in project.versions.all:
            if other.id != active.id:
                forget_model(project.versions.path(other.id))
        self._wanted, self._words = path, AGAIN.format(active.title, project.name)
        if self._picker.value() == path:
            self._on_read()
        else:
            self._picker.addFiles([path])

    def _on_read(self, words: str = "") -> None:
        """Say it instead of what the list says of every new file."""
        if self._wanted is not None and self._picker.value() == self._wanted:
            self._said, self._wanted = self._wanted, None
            self._on_model()
            self.told.emit(self._words)

    def _on_model(self) -> None:
        """Say it while it is true."""
        true = self._said is not None and self._picker.value() == self._said
        self.label.setText(self._words if true else "")
        self.label.setVisible(true)
