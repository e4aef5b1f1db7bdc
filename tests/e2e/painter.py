"""A real window that paints in a project until it is killed: ``painter.py PROJECT FOLDER``.

It tells each stroke before its mouse button is released and when it is done; the labels of then lie
in FOLDER.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from tests.e2e.canvas import aim, canvas_of, move, pixel

STEP = 24
"""Rows between two strokes."""


def main(project: Path, folder: Path) -> None:
    """Open napari with the Workbench and paint one new object after the other."""
    import napari

    from napari_selfreg.widgets.workbench import add_workbench

    viewer = napari.Viewer()
    panel = add_workbench(viewer).correct_panel
    panel.open_project(project)
    wait(lambda: panel.desk.link is not None and panel.hand.active == "brush")
    link = panel.desk.link
    np.save(folder / "opened.npy", link.labels)
    wait(lambda: aim(viewer, link.layer, 60, 60))
    tell("opened")
    first = int(link.labels.max())
    for number in range(first, first + 6):
        stroke(viewer, link.layer, STEP * number, number)
        np.save(folder / f"{number}.npy", link.labels)
        tell(f"done {number}")


def stroke(viewer: Any, layer: Any, row: float, number: int) -> None:
    """Draw a new object from left to right with the smart brush."""
    canvas = canvas_of(viewer)
    places = [pixel(viewer, layer, row, column) for column in range(20, 100, 8)]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[0])
    for index, place in enumerate(places):
        move(viewer, place, Qt.MouseButton.LeftButton)
        QTest.qWait(10)
        if index == len(places) // 2:
            tell(f"painting {number}")
    QTest.mouseRelease(
        canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[-1]
    )
    QTest.qWait(20)


def wait(ready: Any) -> None:
    """Let the window work until it is ready."""
    while not ready():
        QTest.qWait(50)


def tell(words: str) -> None:
    """Say something to who has started this."""
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
