"""Keys that work while a panel, or anything in it, has the focus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget


def add_shortcuts(panel: QWidget, actions: Mapping[str, Callable[[], object]]) -> None:
    """Call methods of a panel by keys.

    Parameters
    ----------
    panel : QWidget
        The keys act only inside of it, so that napari keeps its own elsewhere.
    actions : mapping of str to callable
        Keys as Qt writes them (``Ctrl+Return``) -> what is called.
    """
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(action)
