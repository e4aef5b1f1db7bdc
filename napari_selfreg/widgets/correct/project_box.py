"""The upper part of the Correct panel: the project, and which of its fields is on show."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.field_view import MARKS
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.sentence_label import sentence_label

START = "Start correcting"
ADD = "Add this result"
NONE = "Every correction is written to disk at once, in a folder beside your images."


class ProjectBox(QWidget):
    """Shows the open project and offers to make or open one.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start_button = button(START, "Make a project of this result and those of other fields")
        self.open_button = button("Open project…", "Go on with corrections of an earlier day")
        self.close_button = button("Close project", "All is saved; the layers stay")
        self.title = sentence_label()
        self.fields = QComboBox()
        self.fields.setToolTip("The fields of the project: ◐ segmented, ✎ corrected, ✓ done")
        self.fields.setAccessibleName("Field of the project")
        self.fields.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.fields.setMinimumContentsLength(12)
        ignore_stray_wheel(self.fields)
        self.locate_button = button("Locate…", "Say where the image of this field is now")
        self.notice = sentence_label()
        self.copy_button = button("Save a copy…", "Write the whole project to another disk")
        self._arrange()
        self.setProject(None)
        self.setNotice("")

    def setProject(self, project: Project | None, field: str | None = None) -> None:
        """Show a project, or that there is none.

        Parameters
        ----------
        project : Project or None
        field : str, optional
            Id of the field that is on show or wanted.
        """
        for part in (self.close_button, self.fields, self.locate_button):
            part.setVisible(project is not None)
        self.open_button.setVisible(project is None)
        self.start_button.setText(START if project is None else ADD)
        self.title.setText(NONE if project is None else f"Project <b>{project.name}</b>")
        self.title.setToolTip("" if project is None else str(project.folder))
        with signals_blocked(self.fields):
            self.fields.clear()
            if project is not None:
                for record in project.fields:
                    self.fields.addItem(_marked(project, record.id), record.id)
            self.fields.setCurrentIndex(self.fields.findData(field))

    def setMark(self, project: Project, field: str) -> None:
        """Show anew how far one of the fields is; the list stays open if it is."""
        index = self.fields.findData(field)
        if index >= 0:
            self.fields.setItemText(index, _marked(project, field))

    def setNotice(self, text: str, copy: bool = False) -> None:
        """Show something that stays until it is over: read-only, a full disk, a lost image."""
        self.notice.setText(f"⚠ {text}" if text else "")
        self.notice.setVisible(bool(text))
        self.copy_button.setVisible(copy)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.fields, 1)
        row.addWidget(self.locate_button)
        buttons = QGridLayout()
        buttons.addWidget(self.start_button, 0, 0)
        buttons.addWidget(self.open_button, 0, 1)
        buttons.addWidget(self.close_button, 0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addLayout(row)
        column.addWidget(self.notice)
        column.addWidget(self.copy_button)
        column.addLayout(buttons)


def _marked(project: Project, field: str) -> str:
    return f"{MARKS[project.facts(field).state]} {project.field(field).stem}"
