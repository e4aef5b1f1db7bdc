"""Keeps the canvas from crashing after a layer was removed."""

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
    """Switch off what removed layers have left on; every drawing switches on what it needs."""
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
            # None stays current on purpose: napari then keeps the textures of removed images (a
            # few MB each) until the program ends. Freed, Mesa crashes at the next drawing of a
            # large image (benchmarks/panel.py shows it), and to lose the program is worse.
            canvas.doneCurrent()
