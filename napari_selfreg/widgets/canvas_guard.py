"""Keeps the canvas from crashing after a layer was removed, and its memory from growing."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QApplication

_ATTRIBUTES = 16
"""Every OpenGL has at least so many places for what describes a corner."""


def guard_canvas(viewer: Any) -> None:
    """Clean the canvas whenever a layer of a viewer is removed; asking twice does no harm.

    vispy leaves the places switched on that a layer of shapes or points has drawn with. Once such
    a layer is removed they lead to memory that is gone, and some drivers (Mesa without a graphics
    card, some on Windows) end the whole program when the next image is drawn: napari's issues 6472
    and 8471.

    Parameters
    ----------
    viewer : napari.Viewer
        Its removed layers are watched.
    """
    viewer.layers.events.removed.connect(clean_canvases)


def clean_canvases(event: Any = None) -> None:
    """Switch off what removed layers have left on; every drawing switches on what it needs.

    The canvas stays current: what napari deletes next it deletes from the context that is. Without
    one, every removed picture would keep its memory on the graphics card until the program ends;
    from that of the window, which is often current, the canvas would not be told.
    """
    if QApplication.instance() is None:
        return
    from qtpy.QtOpenGLWidgets import QOpenGLWidget
    from vispy.gloo import gl  # type: ignore[import-untyped]

    for window in QApplication.topLevelWidgets():
        for canvas in window.findChildren(QOpenGLWidget):
            if not canvas.isValid():
                continue  # never drawn yet
            canvas.makeCurrent()
            for place in range(_ATTRIBUTES):
                gl.glDisableVertexAttribArray(place)
            # Mesa without a graphics card draws on threads of its own, and crashes at one of the
            # next drawings if something is deleted that it still draws with.
            gl.glFinish()
