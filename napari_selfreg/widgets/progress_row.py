"""How far a job is, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable

from qtpy.QtWidgets import QProgressBar, QWidget

_FIRST_GUESS_S = 1.0


class TimeLeft:
    """Guesses the time left from the pace so far.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: tuple[float, int] | None = None

    def update(self, done: int, total: int) -> float | None:
        """Return the seconds left after `done` of `total`, None while it is too early to say.

        The first call starts the clock, so that loading and warming up do not count.
        """
        now = self._clock()
        if self._start is None or done < self._start[1]:
            self._start = (now, done)
        began, first = self._start
        if done <= first or now - began < _FIRST_GUESS_S:
            return None
        return (now - began) / (done - first) * (total - done)


class ProgressRow(QProgressBar):
    """A bar that says the time left; keeps its place while there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._time_left = TimeLeft()
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hide()

    def start(self) -> None:
        """Show that something has begun, of unknown length."""
        self._time_left = TimeLeft()
        self.setProgress(0, 0)
        self.show()

    def setProgress(self, done: int, total: int) -> None:
        """Show `done` of `total`; a total of 0 means unknown."""
        # Qt would paint the bar at once, and with it the canvas, in the middle of our changes.
        self.setUpdatesEnabled(False)
        self.setRange(0, total)
        self.setValue(done)
        self.setUpdatesEnabled(True)
        left = self._time_left.update(done, total) if total else None
        self.setFormat("" if left is None or done >= total else f"{in_words(left)} left")

    def stop(self) -> None:
        """Hide again."""
        self.hide()


def in_words(seconds: float) -> str:
    """Return a length of time as people say it.

    Examples
    --------
    >>> in_words(7.2), in_words(75), in_words(7200)
    ('about 7 s', 'about 1 min', 'about 2 h')
    """
    if seconds < 59.5:
        return f"about {max(1, round(seconds))} s"
    if seconds < 59.5 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
