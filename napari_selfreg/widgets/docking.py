"""Panels opened one by one become tabs of one place: a pile of them would outgrow the screen."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget


class _Docking(QObject):
    """Watches one panel; also the mark by which other panels know that it is ours."""

    _made = Signal()

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        self._joined = False
        panel.installEventFilter(self)
        # Asked for before the panel is docked, it comes before Qt makes room for one more.
        self._made.connect(self._look, Qt.ConnectionType.QueuedConnection)
        self._made.emit()

    def _look(self) -> None:
        dock = _dock_of(self._panel)
        if dock is not None:
            self._show(dock)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Spontaneous: the whole window comes back, and nobody asked for this panel.
        if event.type() == QEvent.Type.Show and not event.spontaneous():
            self._look()
        return False

    def _show(self, dock: QDockWidget) -> None:
        """Join the others, once: where a person has moved the panel since, it stays."""
        window = dock.parentWidget()
        if not self._joined and isinstance(window, QMainWindow):
            self._joined = True
            others = _others(window, dock)
            if others:
                window.tabifyDockWidget(others[-1], dock)
        dock.raise_()


def share_one_place(panel: QWidget) -> None:
    """Let a panel that is docked at the side of others of ours share their place as a tab.

    Parameters
    ----------
    panel : QWidget
        Docked by napari sooner or later; a panel inside the Workbench stays where it is.
    """
    _Docking(panel)


def _dock_of(panel: QWidget) -> QDockWidget | None:
    """Return the dock that holds a panel alone, not as a tab of the Workbench."""
    parent: QObject | None = panel.parent()
    while parent is not None and not isinstance(parent, QDockWidget | QTabWidget):
        parent = parent.parent()
    return parent if isinstance(parent, QDockWidget) else None


def _others(window: QMainWindow, dock: QDockWidget) -> list[QDockWidget]:
    """Return the docks at the same side that hold a panel of ours, hidden ones too."""
    area = window.dockWidgetArea(dock)
    return [
        other
        for other in window.findChildren(QDockWidget)
        if other is not dock
        and not other.isFloating()
        and window.dockWidgetArea(other) == area
        and other.findChild(_Docking) is not None
    ]
