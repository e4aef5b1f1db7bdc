"""What the Correct panel asks a person."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_selfreg.widgets.results_ask import ask_folder

GoOn = Literal["go on", "anew"]


def ask_project(parent: QWidget, start: Path) -> Path | None:
    """Return the folder of a project, None if she has changed her mind."""
    return ask_folder(parent, start, "Open a project of corrections")


def ask_copy(parent: QWidget, start: Path) -> Path | None:
    """Return a folder to put a copy of the project into."""
    return ask_folder(parent, start, "Put a copy of the project into this folder")


def ask_image(parent: QWidget, start: Path, name: str) -> Path | None:
    """Return where an image is now."""
    chosen, _ = QFileDialog.getOpenFileName(parent, f"Where is {name} now?", str(start))
    return Path(chosen) if chosen else None


def ask_other_image(parent: QWidget, reason: str) -> bool:
    """Tell whether an image may be taken although it is not the one that was corrected."""
    answer = QMessageBox.question(
        parent,
        "Take another image?",
        f"{reason}\n\nTake it all the same?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
    )
    return bool(answer == QMessageBox.StandardButton.Yes)


def ask_to_go_on(parent: QWidget, name: str) -> GoOn | None:
    """Ask whether to go on with corrections of an earlier day; None if she has changed her mind."""
    question = QMessageBox(parent)
    question.setWindowTitle("Go on correcting?")
    question.setText(f"This image has corrections already, in the project “{name}”.")
    go_on = question.addButton("Go on with them", QMessageBox.ButtonRole.AcceptRole)
    # No role that Esc stands for: that leaves everything as it is.
    anew = question.addButton("Start anew with this result", QMessageBox.ButtonRole.ActionRole)
    question.setEscapeButton(question.addButton(QMessageBox.StandardButton.Cancel))
    question.setDefaultButton(go_on)
    question.exec()
    clicked = question.clickedButton()
    return "go on" if clicked is go_on else "anew" if clicked is anew else None
