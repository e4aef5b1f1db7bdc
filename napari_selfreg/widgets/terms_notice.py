"""The terms of a research-only model, to be read once before its first use."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.io import terms
from napari_selfreg.io.card import Card


class TermsNotice(QFrame):
    """Visible while a person has not yet read the terms of the chosen model.

    Attributes
    ----------
    accepted : Signal()
        She has read them.
    """

    accepted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._card: Card | None = None
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._button = QPushButton("I have read this")
        self._button.setToolTip("Asked once for each model; then it can run")
        self._button.clicked.connect(self._accept)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addWidget(self._button)
        self.hide()

    @property
    def pending(self) -> bool:
        """Whether the terms are still to be read."""
        return self._card is not None

    def setCard(self, card: Card | None) -> None:
        """Show the terms of a model, if they are to be shown."""
        needed = card is not None and card.research_only and terms.needs_notice(card.name)
        self._card = card if needed else None
        if self._card is not None:
            self._text.setText(f"Terms of this model: {self._card.terms or 'research only.'}")
        self.setVisible(self.pending)

    def _accept(self) -> None:
        if self._card is not None:
            terms.remember(self._card.name)
        self.setCard(None)
        self.accepted.emit()
