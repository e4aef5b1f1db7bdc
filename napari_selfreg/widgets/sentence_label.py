"""A label for whole sentences."""

from __future__ import annotations

import re

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import (
    QClipboard,
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from qtpy.QtWidgets import QLabel, QMenu, QWidget

_BREAK = "\u200b"
"""Takes no room, and a line may end at it."""

_LONG = 20
"""Letters in a row that a narrow panel has room for."""

_TAG_OR_WORD = re.compile(rf"<[^<>]*>|&\w+;|[^\s<>&]{{{_LONG + 1},}}")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_AS_SET = {0x200B: None, 0x2028: "\n", 0x2029: "\n", 0xA0: " "}
"""Qt's own ends of lines, and our breaks, as they were before."""

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
        self._menu: QMenu | None = None  # made when it is asked for
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
        self.setAccessibleName(_TAG.sub("", text))

    def clear(self) -> None:
        """Show nothing."""
        self.setText("")

    def selectedText(self) -> str:
        """Return what is selected, as it was set."""
        return super().selectedText().translate(_AS_SET)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what a label offers; only that *Copy* copies what was set."""
        if self._menu is None:
            self._menu = QMenu(self)
            self._menu.addAction("Copy").triggered.connect(self._copy)
            self._menu.addAction("Select all").triggered.connect(self._select_all)
        self._menu.actions()[0].setEnabled(self.hasSelectedText())
        self._menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy what was set, not what is shown: a name must be found again."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the middle button, where it pastes a selection, paste the same."""
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QGuiApplication.clipboard().supportsSelection():
            self._copy(mode=QClipboard.Mode.Selection)

    def _select_all(self, checked: bool = False) -> None:
        keys = Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier
        super().keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, *keys))

    def _copy(
        self, checked: bool = False, mode: QClipboard.Mode = QClipboard.Mode.Clipboard
    ) -> None:
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
