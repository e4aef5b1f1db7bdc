"""Keeps the canvas from crashing after a layer was removed, and its memory from growing."""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet, ref

from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets.guards import bare

_ATTRIBUTES = 16
"""Every OpenGL has at least so many places for what describes a corner."""

_log = logging.getLogger(__name__)
_watched: WeakSet[Any] = WeakSet()


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
    viewer = bare(viewer)  # of a proxy, which plugins get, nothing private may be asked
    viewer.layers.events.removed.connect(clean_canvases)
    if viewer in _watched:
        return
    _watched.add(viewer)
    found = ref(viewer)

    def shrink(event: Any) -> None:
        watched = found()
        if watched is not None:
            shrink_texture(watched, watched.layers[event.index])

    viewer.layers.events.removing.connect(shrink)


def shrink_texture(viewer: Any, layer: Any) -> None:
    """Give back the graphics memory of a layer that is about to go.

    Without a current context (`clean_canvases` leaves none on purpose) the texture itself stays
    until the program ends; with one pixel it weighs nothing.

    Parameters
    ----------
    viewer : napari.Viewer
        Anything without a window is left alone.
    layer : napari.layers.Layer
        One of its layers.
    """
    try:  # napari tells nobody in public which picture on the canvas is whose
        canvas = viewer.window._qt_viewer.canvas
        texture = canvas.layer_to_visual[layer].node._texture
        backend, context = canvas._scene_canvas._backend, canvas._scene_canvas.context
    except (AttributeError, KeyError):
        return
    if not backend.isValid():
        return  # never drawn
    try:
        texture.resize((1,) * texture._ndim + tuple(texture.shape[texture._ndim :]))
        backend.makeCurrent()
        context.flush_commands()
        backend.doneCurrent()
    except (RuntimeError, ValueError):
        _log.warning("The memory of a removed picture could not be given back", exc_info=True)


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
            # None stays current on purpose: napari then keeps the textures of removed images until
            # the program ends (`shrink_texture` made them small before). Freed, Mesa crashes at
            # the next drawing of a large image (benchmarks/panel.py shows it).
            canvas.doneCurrent()
