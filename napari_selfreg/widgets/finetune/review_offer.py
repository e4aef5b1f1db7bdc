"""Nothing is marked as reviewed yet: ask whether the corrected fields are done."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.widgets.sentence_label import sentence_label


class ReviewOffer(QFrame):
    """A question with one button; hidden while there is nothing to ask.

    Attributes
    ----------
    accepted : Signal()
        A person says yes.
    """

    accepted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._text = sentence_label()
        self.button = QPushButton("Yes, treat them as done")
        self.button.setToolTip(
            "All of each corrected field then counts as reviewed: what has no outline is background"
        )
        self.button.clicked.connect(self.accepted)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addWidget(self.button)
        self.hide()

    def ask(self, question: str) -> None:
        """Ask, or hide if there is no question."""
        self._text.setText(question)
        self.setVisible(bool(question))

    def question(self) -> str:
        """Return what is asked."""
        return self._text.text()
