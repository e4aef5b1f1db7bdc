"""A label for whole sentences."""

from __future__ import annotations

import re

from qtpy.QtCore import Qt
from qtpy.QtGui import QClipboard, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from qtpy.QtWidgets import QLabel, QWidget

_BREAK = "\u200b"
"""Takes no room, and a line may end at it."""

_LONG = 20
"""Letters in a row that a narrow panel has room for."""

_TAG_OR_WORD = re.compile(rf"<[^<>]*>|&\w+;|[^\s<>&]{{{_LONG + 1},}}")
_PIECE = re.compile(rf"[^_./\\-]{{{_LONG}}}|[_./\\-]+")


class SentenceLabel(QLabel):
    """Wraps, also within the names of files, so that no long one widens its panel.

    Parameters
    ----------
    text : str
        What it shows.
    parent : QWidget, optional
        Parent of the label.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setText(text)

    def text(self) -> str:
        """Return what was set; what is shown can have more places to break lines."""
        return self._text

    def setText(self, text: str) -> None:
        """Show a sentence."""
        self._text = text
        super().setText(breakable(text))

    def selectedText(self) -> str:
        """Return what is selected, as it was set."""
        return super().selectedText().replace(_BREAK, "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy what was set, not what is shown: a name must be found again."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy(QClipboard.Mode.Clipboard)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the middle button, where it pastes a selection, paste the same."""
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QGuiApplication.clipboard().supportsSelection():
            self._copy(QClipboard.Mode.Selection)

    def _copy(self, mode: QClipboard.Mode) -> None:
        QGuiApplication.clipboard().setText(self.selectedText(), mode)


def sentence_label(text: str = "") -> QLabel:
    """Return a label that wraps, and whose words can be selected with the mouse."""
    return SentenceLabel(text)


def breakable(text: str) -> str:
    """Return a text whose long words may be broken, best where a name has a joint.

    Parameters
    ----------
    text : str
        A sentence, plain or with tags.

    Returns
    -------
    str
        The same letters, and breaks that take no room.
    """
    return _TAG_OR_WORD.sub(_with_breaks, text)


def _with_breaks(found: re.Match[str]) -> str:
    word = found.group()
    return word if word[0] in "<&" else _PIECE.sub(rf"\g<0>{_BREAK}", word)
