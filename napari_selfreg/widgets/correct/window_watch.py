"""Tells when a panel has left its window, or the window has closed: Qt tells no panel."""

from __future__ import annotations

from qtpy.QtCore import QCoreApplication, QEvent, QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.timers import single_shot


class WindowWatch(QObject):
    """Watches the way from a widget up to its window.

    Parameters
    ----------
    owner : QWidget
        The widget; it becomes the parent.

    Attributes
    ----------
    left : Signal()
        The widget was taken out of its window, the window was closed, or the program ends.
    """

    left = Signal()

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._owner = owner
        self._closing = single_shot(self, 0, self._look)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.left)
        self.watch()

    def watch(self) -> None:
        """Watch the widget and all around it."""
        widget: QWidget | None = self._owner
        while widget is not None:
            widget.installEventFilter(self)  # a second time has no effect
            widget = widget.parentWidget()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget into and out of windows."""
        if event.type() == QEvent.Type.ParentChange:
            # The "x" of a dock takes the widget out of the window; no close event reaches it.
            if watched.parent() is None:
                self.left.emit()
            else:
                self.watch()
        elif event.type() == QEvent.Type.Close:
            # A dialog may still refuse the closing, so look once it is over.
            self._closing.start(0)
        elif event.type() == QEvent.Type.Hide and self._closing.isActive():
            # napari's window is gone once it has closed: the timer would come too late.
            self._look()
        return False

    def _look(self) -> None:
        self._closing.stop()
        if alive(self) and not self._owner.window().isVisible():
            self.left.emit()
