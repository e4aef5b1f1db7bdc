"""Warns when what is in view is far from what the model has learned from."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.suitability import ENOUGH_PIXELS, MOST_SIDE, doubts
from napari_selfreg.io.card import Card
from napari_selfreg.io.rgb import to_rgb8
from napari_selfreg.widgets.areas import view_box
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.layers import Picture, picture_of, pixel_size_of
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.timers import single_shot

_PAUSE_MS = 250


@dataclass(frozen=True, slots=True, eq=False)
class FitRequest:
    """A snapshot of what is in view, and the model.

    Parameters
    ----------
    picture : Picture
        One plane, at a resolution that suits the view.
    box : Box
        The view, in its pixels.
    um_per_px : float
        Of the image at full resolution.
    card : Card
        Of the model.
    """

    picture: Picture
    box: Box
    um_per_px: float
    card: Card

    def same(self, other: FitRequest | None) -> bool:
        """Tell whether another request would have the same answer."""
        return (
            other is not None
            and bare(self.picture.data) is bare(other.picture.data)
            and self.picture.position == other.picture.position
            and (self.box, self.um_per_px) == (other.box, other.um_per_px)
            and self.card is other.card
        )


class FitCheck(QObject):
    """Looks at the view in a thread of its own whenever it may have changed.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose view.
    owner : QWidget
        Its life ends the job.

    Attributes
    ----------
    warned : Signal(str)
        What speaks against this model here; empty if nothing does.
    """

    warned = Signal(str)

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._next: FitRequest | None = None
        self._seen: FitRequest | None = None
        self._runner = JobRunner(owner, lane="check")
        self._runner.finished.connect(self._on_finished)
        self._runner.failed.connect(self._on_failed)
        self._pause = single_shot(self, _PAUSE_MS, self._start)

    def look(self, layer: Any, pixel_size: PixelSize | None, card: Card | None) -> None:
        """Look again, if anything is different; call it as often as you like."""
        request = self._request(layer, pixel_size, card)
        if request is None:
            if self._next is not None:
                self._next = self._seen = None
                self.warned.emit("")
        elif not request.same(self._next):
            self._next = request
            self._pause.start()

    def _start(self) -> None:
        if self._next is not None and self._next is not self._seen and not self._runner.running:
            self._seen = self._next
            self._runner.start(check_fit, self._next)

    def _on_finished(self, text: str) -> None:
        if self._next is self._seen:
            self.warned.emit(text)
        self._start()

    def _on_failed(self, error: Exception) -> None:
        self.warned.emit("")  # a run will tell what is wrong with the image

    def _request(self, layer: Any, size: PixelSize | None, card: Card | None) -> FitRequest | None:
        if layer is None or size is None or card is None or self._viewer.dims.ndisplay != 2:
            return None
        try:
            picture = picture_of(self._viewer, layer)
            box = view_box(self._viewer, layer, picture)
            step = math.sqrt(max(1.0, math.prod(box.shape) / ENOUGH_PIXELS))
            stated = pixel_size_of(layer)
            if layer.multiscale and stated is not None:
                wanted = PixelSize(stated.y * step, stated.x * step)
                picture = picture_of(self._viewer, layer, wanted)
                box = view_box(self._viewer, layer, picture)
        except SelfRegError:
            return None
        return None if box.empty else FitRequest(picture, _middle(box), size.mean, card)


def check_fit(request: FitRequest) -> Generator[Event, None, str]:
    """Compare the view with the model's training pictures.

    Returns
    -------
    str
        A warning, or an empty text.
    """
    yield Progress(0, 0)
    picture = request.picture
    pixels = to_rgb8(picture.read(request.box), picture.name, part=True)
    return doubts(pixels, request.um_per_px, request.card, grey=picture.is_grey)


def _middle(box: Box) -> Box:
    """Return the middle of a box that is too large to be read for a glance."""
    rows, columns = (max(0, side - MOST_SIDE) // 2 for side in box.shape)
    return Box(box.y0 + rows, box.x0 + columns, box.y1 - rows, box.x1 - columns)
