"""The terms of a research-only model, to be read once before its first use."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.io import terms
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.sentence_label import sentence_label

_notices: weakref.WeakSet[TermsNotice] = weakref.WeakSet()

READ_TERMS = "Please read the terms of this model first."


class TermsNotice(QFrame):
    """Visible while a person has not yet read the terms of a chosen model.

    Attributes
    ----------
    accepted : Signal()
        She has read them, here or in another panel.
    """

    accepted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._cards: tuple[Card, ...] = ()
        self._card: Card | None = None
        self._text = sentence_label()
        self._button = QPushButton("I have read this")
        self._button.setToolTip("Asked once for each model; then it can run")
        self._button.clicked.connect(self._accept)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addWidget(self._button)
        self.hide()
        _notices.add(self)

    @property
    def pending(self) -> bool:
        """Whether terms are still to be read."""
        return self._card is not None

    def setCard(self, card: Card | None) -> None:
        """Show the terms of a model, if they are to be shown."""
        self.setCards(() if card is None else (card,))

    def setCards(self, cards: Sequence[Card]) -> None:
        """Show the terms of several models, one after the other."""
        self._cards = tuple(cards)
        self._card = next(filter(_is_unread, self._cards), None)
        if self._card is not None:
            self._text.setText(terms_in_words(self._card))
        self.setVisible(self.pending)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask no more for what was read in another panel meanwhile."""
        super().showEvent(event)
        self.look_again()

    def look_again(self) -> None:
        """Go on if the terms were read meanwhile."""
        if self._card is not None and not _is_unread(self._card):
            self._go_on()

    def _accept(self) -> None:
        if self._card is not None:
            terms.remember(self._card.name)
        self._go_on()
        for other in list(_notices):  # also in panels that are not on show
            if alive(other):
                other.look_again()

    def _go_on(self) -> None:
        self.setCards(self._cards)
        self.accepted.emit()


def terms_in_words(card: Card) -> str:
    """Return the terms of a model as they are shown."""
    return f"Terms of {card.title}: {card.terms or 'research only.'}"


def _is_unread(card: Card) -> bool:
    return card.research_only and terms.needs_notice(card.name)
