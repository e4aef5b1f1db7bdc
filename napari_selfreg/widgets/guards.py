"""Small protections that several widgets need."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QScrollArea, QWidget

_LAYOUT_MS = 60
_keeping: list[Any] = []


def alive(widget: QObject) -> bool:
    """Tell whether Qt still has the other half of a Python object.

    Napari's events go on calling a widget whose window was closed.
    """
    return bool(isalive(widget))  # type: ignore[no-untyped-call]


def bare(thing: Any) -> Any:
    """Return what a proxy of napari stands for; anything else as it is.

    Plugins see viewer and layers through proxies that are made afresh at every look, so that
    ``is`` never holds between them.
    """
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    return thing


class _WheelGuard(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget):
            event.ignore()
            return not watched.hasFocus()
        return False


def ignore_stray_wheel(*widgets: QWidget) -> None:
    """Let the wheel scroll the panel instead of changing a value that is not in use."""
    for widget in widgets:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(_WheelGuard(widget))


class _DoubleClickGuard(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        return bool(event.type() == QEvent.Type.MouseButtonDblClick)


def take_double_for_one(button: QWidget) -> None:
    """Take a double click for one click: the second would end what the first has begun."""
    button.installEventFilter(_DoubleClickGuard(button))


def in_front(widget: QWidget) -> bool:
    """Tell whether a person can have a widget before her: it is behind no tab and no other dock.

    Qt calls a dock that lies behind another one visible; but nothing of it is to be seen.
    """
    window = widget.window()
    if not widget.isVisibleTo(window):
        return False
    dock: QWidget | None = widget
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    return dock is None or not window.isVisible() or not dock.visibleRegion().isEmpty()


@contextmanager
def collection_spared() -> Iterator[None]:
    """Keep napari from searching all memory for garbage, as it does when a layer is removed.

    With the libraries of a network loaded that takes half a second, in which the window is frozen.
    Python finds the garbage later anyway, a bit at a time. Not on Windows: some of its OpenGL
    drivers fail where textures of a removed layer go late, which is why napari searches.
    """
    if sys.platform == "win32":
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def selection_kept(viewer: Any) -> Iterator[None]:
    """Undo what adding or removing a layer does to the selected layers."""
    selection = viewer.layers.selection
    chosen, active = list(selection), selection.active
    _keeping.append(viewer)
    try:
        yield
    finally:
        selection.clear()
        for layer in chosen:
            if layer in viewer.layers:
                selection.add(layer)
        if active is not None and active in viewer.layers:
            selection.active = active
        _keeping.pop()


def selection_is_kept() -> bool:
    """Tell whether a change of the selection is but `selection_kept` at work, and no person."""
    return bool(_keeping)


def reveal(widget: QWidget) -> None:
    """Scroll a panel so that a sentence that has just been written is seen.

    Parameters
    ----------
    widget : QWidget
        Somewhere in a scrolling panel; in any other nothing happens.
    """

    def scroll() -> None:
        area = widget.parentWidget() if alive(widget) else None
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            area.ensureWidgetVisible(widget, 0, 4)

    # Not before the layout has given the sentence its room, which takes Qt several rounds.
    QTimer.singleShot(_LAYOUT_MS, scroll)
