"""A question in a panel instead of a dialog: the window goes on while a person decides."""

from __future__ import annotations

from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.widgets.sentence_label import sentence_label


class QuestionBox(QFrame):
    """A text above a row of buttons; hidden while there is nothing to ask.

    Attributes
    ----------
    text : SentenceLabel
        What is asked.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = sentence_label()
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
