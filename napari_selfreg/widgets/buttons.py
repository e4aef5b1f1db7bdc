"""Buttons, with what they do as a tooltip."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton


def button(text: str, tip: str, name: str = "", *, checkable: bool = False) -> QPushButton:
    """Return a button.

    Parameters
    ----------
    text, tip : str
        What is on it, and its tooltip.
    name : str
        For screen readers, where the text is a sign and no word.
    checkable : bool
        Whether it stays down.
    """
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAccessibleName(name)
    made.setCheckable(checkable)
    return made
