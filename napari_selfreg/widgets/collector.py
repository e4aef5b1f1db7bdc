"""Keep Python from freeing widgets beside the window's own thread."""

from __future__ import annotations

import gc
import time

from qtpy.QtCore import QObject, QTimer

INTERVAL_MS = 200
FULL_INTERVAL_S = 120.0


class Collector(QObject):
    """Collects garbage in the thread of the window, for as long as somebody works in another one.

    Python looks for garbage in whichever thread makes many objects. If that is the thread of a
    job and a panel that was closed is among the garbage, PySide6 deletes its widgets there, under
    the hands of the window, and the program crashes; pyqtgraph has a `GarbageCollector` for the
    same reason. PyQt6 leaves them to the window.

    Everything is searched every `FULL_INTERVAL_S` at most: it takes some tenths of a second.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_on = False
        self._searched = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._collect)

    @property
    def active(self) -> bool:
        """Whether it collects instead of Python."""
        return self._timer.isActive()

    def start(self) -> None:
        """Take over from Python; a second time has no effect."""
        if self.active:
            return
        self._was_on = gc.isenabled()
        self._searched = time.monotonic()
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again, if it was so before."""
        if self.active and self._was_on:
            gc.enable()
        self._timer.stop()

    def _collect(self) -> None:
        new, young, old = (
            count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)
        )
        if old and time.monotonic() - self._searched > FULL_INTERVAL_S:
            gc.collect()
            self._searched = time.monotonic()
        elif new:
            gc.collect(1 if young else 0)
