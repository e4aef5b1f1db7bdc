"""A question in a panel instead of a dialog: the window goes on while a person decides."""

from __future__ import annotations

from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget


class QuestionBox(QFrame):
    """A text above a row of buttons; hidden while there is nothing to ask.

    Attributes
    ----------
    text : QLabel
        What is asked.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self._row = QHBoxLayout()
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addLayout(self._row)
        self.hide()

    def _offer(self, words: str, tooltip: str = "") -> QPushButton:
        """Add an answer; giving it closes the question before anybody hears of it."""
        button = QPushButton(words)
        button.setToolTip(tooltip)
        button.clicked.connect(self.hide)
        self._row.addWidget(button)
        return button
