"""Keys of the Correct panel, and the card that lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QDialog, QFormLayout, QLabel, QWidget

from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Parameters
    ----------
    key : str
        As napari writes it.
    action : str
        What it does, for the program.
    text : str
        What it does, for a person.
    """

    key: str
    action: str
    text: str


KEYS = (
    Key("S", "brush", "smart brush"),
    Key("W", "wand", "wand"),
    Key("C", "cut", "cut along a drawn line"),
    Key("[", "smaller", "smaller brush"),
    Key("]", "larger", "larger brush"),
    Key("Delete", "delete", "delete the chosen objects"),
    Key("Backspace", "delete", "delete, too"),
    Key("J", "merge", "join the chosen objects to one"),
    Key("I", "fill", "fill holes"),
    Key("O", "smooth", "smooth the outline"),
    Key("K", "class", "give the chosen class"),
    Key("A", "accept", "accept, or take that back"),
    Key("N", "next", "next object not yet accepted"),
    Key("Shift-N", "previous", "the one before"),
    Key("T", "what_next", "a place to correct next"),
    Key("D", "done", "field done, go to the next"),
    Key("H", "hide", "hide the objects while held"),
    Key("F1", "help", "this card"),
)
"""None of them is one of napari's own keys for labels, but for the two of the brush."""

MOUSE = (
    ("Drag from an object", "makes it larger"),
    ("Drag from the background", "draws a new object"),
    ("Alt + drag", "takes away from an object"),
    ("Click", "chooses an object"),
    ("Shift + click", "chooses one more, or one less"),
    ("Space + drag, wheel", "move and enlarge the picture"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo: everything drawn, ours and napari's"),
)

_SHOWN = {"Delete": "Del", "Shift-N": "Shift+N"}

Actions = Mapping[str, Callable[[], Any]]


class Keys(QObject):
    """Binds the keys to the layer that is being corrected.

    Parameters
    ----------
    desk : ProjectDesk
        Knows the layer.
    actions : mapping of str to callable
        What each action does. One that returns a callable is held: that ends it.
    parent : QObject
        Parent.
    """

    def __init__(self, desk: ProjectDesk, actions: Actions, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._actions = actions
        self._layer: Any = None
        desk.linkChanged.connect(self._on_link)

    def press(self, action: str) -> Callable[[], Any] | None:
        """Do what a key stands for; return what is to be done when it is let go."""
        if not alive(self) or action not in self._actions:
            return None
        after = self._actions[action]()
        return after if callable(after) else None

    def _on_link(self) -> None:
        if self._layer is not None:
            for key in KEYS:
                self._layer.bind_key(key.key, None)
        link = self._desk.link
        self._layer = None if link is None else link.layer
        if link is not None:
            for key in KEYS:
                link.layer.bind_key(key.key, self._pressed(key.action), overwrite=True)

    def _pressed(self, action: str) -> Callable[[Any], Iterator[None]]:
        def pressed(layer: Any) -> Iterator[None]:
            after = self.press(action)
            yield
            if after is not None:
                after()

        return pressed


class KeyCard(QDialog):
    """Lists what mouse and keys do; stays open beside the work.

    Parameters
    ----------
    parent : QWidget
        The panel.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Mouse and keys")
        self.setWindowFlag(Qt.WindowType.Tool)
        rows = QFormLayout(self)
        for title, lines in (("Mouse", MOUSE), ("Keys, in the picture", _key_lines())):
            rows.addRow(QLabel(f"<b>{title}</b>"))
            for what, text in lines:
                rows.addRow(what, QLabel(text))


def _key_lines() -> tuple[tuple[str, str], ...]:
    return tuple((_SHOWN.get(key.key, key.key), key.text) for key in KEYS if key.key != "Backspace")
