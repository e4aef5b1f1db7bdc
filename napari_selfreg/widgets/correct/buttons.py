"""Buttons of the Correct panel."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton


def button(text: str, tip: str, *, checkable: bool = False) -> QPushButton:
    """Return a button with a tooltip; none takes the keyboard from the picture."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    return made
