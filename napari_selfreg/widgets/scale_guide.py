"""100 µm and one typical object drawn on an image, to judge a pixel size by eye."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.areas import view_box
from napari_selfreg.widgets.canvas_guard import guard_canvas
from napari_selfreg.widgets.guards import collection_spared, selection_kept
from napari_selfreg.widgets.layers import OWN_KEY, picture_of
from napari_selfreg.widgets.placement import placement

BAR_UM = 100.0
NAME = "100 µm and a typical object"

_INK, _HALO = "#000000", "#ffffff"
_CORNERS = 64
_PLATE_PX = 24.0, 12.0
"""Height of a line of words and width of a letter on the screen."""


class ScaleGuide:
    """Draws on one image at a time; its layer comes and goes without changing the selection.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to draw.
    """

    def __init__(self, viewer: Any) -> None:
        guard_canvas(viewer)
        self._viewer = viewer
        self._layer: Any = None

    @property
    def visible(self) -> bool:
        """Whether it is drawn."""
        return self._layer is not None and self._layer in self._viewer.layers

    def show(self, image: Any, pixel_size: PixelSize, card: Card | None, note: str = "") -> None:
        """Draw what a pixel size would mean.

        Parameters
        ----------
        image : napari.layers.Image
            In two dimensions; nothing is drawn on a turned canvas.
        pixel_size : PixelSize
            Micrometres per pixel at full resolution.
        card : Card or None
            Of the model whose typical object is drawn, if it states its area.
        note : str
            Words behind ``100 µm``.
        """
        self.hide()
        if self._viewer.dims.ndisplay != 2 or image.ndim != 2:
            return
        try:
            picture = picture_of(self._viewer, image)
        except SelfRegError:
            return
        view = view_box(self._viewer, image, picture)
        if view.empty:
            view = Box(0, 0, *picture.shape)
        screen = 1 / (self._viewer.scene.camera.zoom * float(image.scale[-1]))
        layer = _drawing(view, pixel_size, card, note, placement(image, picture), screen)
        with selection_kept(self._viewer):
            self._layer = self._viewer.add_layer(layer)

    def hide(self) -> None:
        """Take the drawing away."""
        if self.visible:
            with selection_kept(self._viewer), collection_spared():
                self._viewer.layers.remove(self._layer)
        self._layer = None


def object_outline(
    centre: tuple[float, float], area_um2: float, pixel_size: PixelSize
) -> npt.NDArray[np.float64]:
    """Return a round object of an area, shape (N, 2), in pixels."""
    radius = math.sqrt(area_um2 / math.pi)
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    rows = centre[0] + np.sin(angle) * radius / pixel_size.y
    columns = centre[1] + np.cos(angle) * radius / pixel_size.x
    return np.stack([rows, columns], axis=1)


def bar(view: Box, pixel_size: PixelSize) -> npt.NDArray[np.float64]:
    """Return both ends of a bar of 100 µm at the lower left of a view, in pixels."""
    height, width = view.shape
    row = view.y1 - 0.08 * height
    start = view.x0 + 0.05 * width
    return np.array([[row, start], [row, start + BAR_UM / pixel_size.x]])


def plate(corner: tuple[float, float], words: str, screen: float) -> npt.NDArray[np.float64]:
    """Return a rectangle for words, shape (4, 2), in pixels: no tissue may hide them.

    Parameters
    ----------
    corner : tuple of float
        Its upper left corner: row and column.
    words : str
        What is to be written on it.
    screen : float
        Pixels of the image per pixel of the screen.
    """
    height, width = _PLATE_PX[0] * screen, _PLATE_PX[1] * screen * (len(words) + 1)
    sides = np.array([[0, 0], [0, width], [height, width], [height, 0]])
    return np.asarray(corner) + sides


def _drawing(
    view: Box,
    pixel_size: PixelSize,
    card: Card | None,
    note: str,
    place: dict[str, Any],
    screen: float,
) -> Shapes:
    thick = max(view.shape) / 250
    ends = bar(view, pixel_size)
    above = (ends[0, 0] - 2 * thick - _PLATE_PX[0] * screen, ends[0, 1])
    words = f"100 µm{note}"
    data, kinds = [ends, ends, plate(above, words, screen)], ["line", "line", "rectangle"]
    texts = ["", "", words]
    if card is not None and card.typical_area_um2 is not None:
        centre = ((view.y0 + view.y1) / 2, (view.x0 + view.x1) / 2)
        outline = object_outline(centre, card.typical_area_um2, pixel_size)
        words = f"typical {card.classes[0]}"
        # Above it: on a slide in full view the words are larger than the object.
        top = max(view.y0, outline[:, 0].min() - 2 * thick - _PLATE_PX[0] * screen)
        middle = centre[1] - _PLATE_PX[1] * screen * len(words) / 2
        data += [outline, outline, plate((top, middle), words, screen)]
        kinds += ["polygon", "polygon", "rectangle"]
        texts += ["", "", words]
    return Shapes(
        data,
        shape_type=kinds,
        name=NAME,
        edge_color=[_HALO, _INK, _HALO] * (len(data) // 3),
        edge_width=[3 * thick, 1.2 * thick, thick] * (len(data) // 3),
        face_color=["transparent", "transparent", _HALO] * (len(data) // 3),
        text={
            "string": texts,
            "color": _INK,
            "size": 12,
            "anchor": "center",
        },
        metadata={OWN_KEY: "guide"},
        opacity=1.0,
        **place,
    )
