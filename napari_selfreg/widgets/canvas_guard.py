"""Keeps the canvas from crashing when a layer is removed, and its memory from growing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qtpy.QtWidgets import QApplication

_ATTRIBUTES = 16
"""Every OpenGL has at least so many places for what describes a corner."""


def guard_canvas(viewer: Any) -> None:
    """Clean the canvas whenever a layer of a viewer is removed; asking twice does no harm.

    napari deletes what a layer was drawn with while it removes it, from whatever context is
    current: often that of the window. Mesa without a graphics card still draws on the canvas with
    what is deleted there.

    vispy leaves the places switched on that a layer of shapes or points has drawn with. Once such
    a layer is removed they lead to memory that is gone, and some drivers (Mesa without a graphics
    card, some on Windows) end the whole program when the next image is drawn: napari's issues 6472
    and 8471.

    Parameters
    ----------
    viewer : napari.Viewer
        Its removed layers are watched.
    """
    viewer.layers.events.removing.connect(enter_canvases)
    viewer.layers.events.removed.connect(clean_canvases)


def enter_canvases(event: Any = None) -> None:
    """Make the canvas current, so that what napari deletes next it deletes from there."""
    for canvas in _canvases(event):
        canvas.makeCurrent()


def clean_canvases(event: Any = None) -> None:
    """Switch off what removed layers have left on; every drawing switches on what it needs.

    The canvas stays current: what napari deletes next it deletes from the context that is. Without
    one, every removed picture would keep its memory on the graphics card until the program ends;
    from that of the window, which is often current, the canvas would not be told.
    """
    from vispy.gloo import gl  # type: ignore[import-untyped]

    for canvas in _canvases(event):
        canvas.makeCurrent()
        for place in range(_ATTRIBUTES):
            gl.glDisableVertexAttribArray(place)
        # Mesa without a graphics card draws on threads of its own, and crashes at one of the
        # next drawings if something is deleted that it still draws with.
        gl.glFinish()


def _canvases(event: Any) -> Iterator[Any]:
    """Yield all canvases that have been drawn; the last one, which stays current, is the viewer's.

    Two viewers share nothing: what is deleted from the other's canvas is something else there.
    """
    if QApplication.instance() is None:
        return
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    layers = getattr(event, "source", None)
    used = QApplication.activeWindow()

    def concerned(window: Any) -> tuple[bool, bool]:
        return layers is not None and _layers_of(window) is layers, window is used

    for window in sorted(QApplication.topLevelWidgets(), key=concerned):
        for canvas in window.findChildren(QOpenGLWidget):
            if canvas.isValid():
                yield canvas


def _layers_of(window: Any) -> Any:
    """Return the layers that a window of napari shows, None of any other window."""
    viewer = getattr(getattr(window, "_qt_viewer", None), "viewer", None)
    return getattr(viewer, "layers", None)
