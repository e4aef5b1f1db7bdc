"""Asks before a re-segment replaces corrections that nobody has marked as reviewed."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget


class ReplaceQuestion(QFrame):
    """Visible while a person has not decided; the window goes on meanwhile.

    Attributes
    ----------
    keepWanted : Signal()
        These fields are done: they are to stay as they are.
    replaceWanted : Signal()
        Their corrections may go.
    """

    keepWanted = Signal()
    replaceWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.keep_button = QPushButton("Treat as done")
        self.keep_button.setToolTip(
            "All of each of these fields counts as reviewed and stays: what has no outline is "
            "background"
        )
        self.replace_button = QPushButton("Replace")
        self.replace_button.setToolTip("Find their objects again too; accepted ones stay")
        self.no_button = QPushButton("Not now")
        row = QHBoxLayout()
        for button in (self.keep_button, self.replace_button, self.no_button):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addLayout(row)
        self.keep_button.clicked.connect(self._on_keep)
        self.replace_button.clicked.connect(self._on_replace)
        self.no_button.clicked.connect(self.hide)
        self.hide()

    def ask(self, fields: int) -> None:
        """Ask about a number of fields; with none there is nothing to ask."""
        self.text.setText(_question(fields))
        self.setVisible(fields > 0)

    def _on_keep(self) -> None:
        self.hide()
        self.keepWanted.emit()

    def _on_replace(self) -> None:
        self.hide()
        self.replaceWanted.emit()


def _question(fields: int) -> str:
    if fields == 1:
        return "1 corrected field is not reviewed: its corrections will be replaced."
    return f"{fields} corrected fields are not reviewed: their corrections will be replaced."
