"""The Correct panel: correct objects, say what is right, keep everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_selfreg.widgets.correct.project_actions import ProjectActions, told
from napari_selfreg.widgets.correct.project_box import ProjectBox
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.shared import PathOffer


class CorrectPanel(QWidget):
    """Corrects the objects of a result in napari's own Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its layers are corrected.
    parent : QWidget, optional
        Parent of the panel.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self.box = ProjectBox()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.desk = ProjectDesk(napari_viewer, self)
        self.actions_of_project = ProjectActions(napari_viewer, self.desk, self.box, self)
        column = QVBoxLayout(self)
        column.addWidget(self.box)
        column.addWidget(self.status)
        column.addStretch(1)
        self.desk.told.connect(self.tell)
        self.desk.shared.projectOffered.connect(self._on_offered)

    def tell(self, text: str) -> None:
        """Show a sentence."""
        self.status.setText(text)

    @told
    def open_project(self, folder: Path) -> None:
        """Open a project; what goes wrong is told in the panel."""
        self.desk.open(folder)

    def _on_offered(self, offer: PathOffer) -> None:
        """Take a project that was chosen in napari's menu or dropped on the window."""
        if alive(self) and not offer.taken and self.window() is not self:
            offer.taken = True
            self.open_project(offer.path)
