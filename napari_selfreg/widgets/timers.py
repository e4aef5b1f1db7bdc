"""Timers that fire once."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer


def single_shot(owner: QObject, milliseconds: int, slot: Any) -> QTimer:
    """Return a timer that fires once after each start; a start before that begins it anew.

    Parameters
    ----------
    owner : QObject
        Its parent.
    milliseconds : int
        How long it waits; 0 until what Qt has to do now is done.
    slot : callable or Signal
        What it calls or emits.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
