"""Keys of a panel: some while it has the focus, some wherever the focus is."""

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
        Keys act only inside of it, so that napari keeps its own elsewhere; those with Ctrl, which
        napari has not, in all of the window while the panel is in front.
    actions : mapping of str to callable
        Keys as Qt writes them (``Ctrl+Return``) -> what is called.
    """
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        if not keys.startswith("Ctrl+"):
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(action)
