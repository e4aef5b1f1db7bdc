"""Clicks and drags on the tissue, and the camera that comes to rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.timers import single_shot

_STILL_PX = 4
REST_MS = 400


class Pointing(QObject):
    """Tells where a person clicks, or drags with Shift held, which does not move the view.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
        Parent.

    Attributes
    ----------
    pointed : Signal(object)
        World coordinates.
    """

    pointed = Signal(object)

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._on = False

    def listen(self, on: bool) -> None:
        """Start or stop to listen."""
        if on == self._on:
            return
        self._on = on
        callbacks = self._viewer.mouse_drag_callbacks
        if on:
            callbacks.append(self._on_press)
        elif self._on_press in callbacks:
            callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        if not alive(self) or event.button not in (1, None):
            return
        probing = "Shift" in event.modifiers
        start, last = tuple(event.pos), tuple(event.position)
        if probing:
            self.pointed.emit(last)
        yield
        moved = False
        while event.type == "mouse_move" and alive(self):
            moved = moved or max(abs(a - b) for a, b in zip(event.pos, start, strict=True)) > (
                _STILL_PX
            )
            if probing:
                self.pointed.emit(tuple(event.position))
            yield
        if not probing and not moved and alive(self):
            self.pointed.emit(last)


class CameraRest(QObject):
    """Tells when the view has come to rest somewhere else.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
        Parent.

    Attributes
    ----------
    rested : Signal()
    """

    rested = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = single_shot(self, REST_MS, self.rested)
        self.on = False
        viewer.scene.camera.events.connect(self._on_camera)
        viewer.dims.events.current_step.connect(self._on_camera)

    def stop(self) -> None:
        """Tell nothing any more."""
        self.on = False

    def _on_camera(self, event: Any = None) -> None:
        if alive(self) and self.on:
            self._timer.start()
