"""Asks before a re-segment replaces corrections that nobody has marked as reviewed."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.question_box import QuestionBox


class ReplaceQuestion(QuestionBox):
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
        self.keep_button = self._offer(
            "Treat as done",
            "All of each of these fields counts as reviewed and stays: what has no outline is "
            "background",
        )
        self.replace_button = self._offer(
            "Replace", "Find their objects again too; accepted ones stay"
        )
        self.no_button = self._offer("Not now")
        self.keep_button.clicked.connect(self.keepWanted)
        self.replace_button.clicked.connect(self.replaceWanted)

    def ask(self, fields: int) -> None:
        """Ask about a number of fields; with none there is nothing to ask."""
        self.text.setText(_question(fields))
        self.setVisible(fields > 0)


def _question(fields: int) -> str:
    if fields == 1:
        return "1 corrected field is not reviewed: its corrections will be replaced."
    return f"{fields} corrected fields are not reviewed: their corrections will be replaced."
