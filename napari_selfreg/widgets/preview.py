"""A layer of our own that shows where tissue is found while a job runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils import Colormap

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import TileDone
from napari_selfreg.widgets.guards import collection_spared, selection_kept
from napari_selfreg.widgets.layers import OWN_KEY, Picture
from napari_selfreg.widgets.placement import expand, placement

MAX_SIDE = 1024
"""The preview has at most this many pixels along each side."""

NAME = "preview (in progress)"

_COLOUR = (0.0, 0.85, 0.75)
"""Stands out from pink and violet for colour-blind eyes too."""


def preview_look() -> dict[str, Any]:
    """Return the arguments of a layer that give probabilities from 0 to 255 their colours."""
    # Neutral below one half, so that only what will become an object has a colour.
    colormap = Colormap(
        [(*_COLOUR, 0.0), (*_COLOUR, 0.0), (*_COLOUR, 0.55), (*_COLOUR, 0.7)],
        controls=[0.0, 0.35, 0.6, 1.0],
        name="selfreg preview",
    )
    return {"colormap": colormap, "contrast_limits": (0, 255), "interpolation2d": "linear"}


class Preview:
    """Tiles of a prediction over their image, until the objects are known.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    layer : napari.layers.Image
        The image.
    picture : Picture
        Its plane and resolution.
    region : Box
        The part of the picture that is worked on.
    """

    def __init__(self, viewer: Any, layer: Any, picture: Picture, region: Box) -> None:
        self._viewer = viewer
        self._image = layer
        self._picture = picture
        self._region = region
        self._step = max(1, -(-max(region.shape) // MAX_SIDE))
        rows, columns = (max(1, round(side / self._step)) for side in region.shape)
        self._canvas = np.zeros((rows, columns), dtype=np.uint8)
        self._layer: Any = None

    @property
    def layer(self) -> Any:
        """The layer on show, or None."""
        return self._layer

    def show(self, tiles: Iterable[TileDone]) -> None:
        """Draw tiles; nothing happens once a person has removed the layer."""
        drawn = False
        for tile in tiles:
            paste(self._canvas, tile, self._region, self._step)
            drawn = True
        if not drawn:
            return
        if self._layer is None:
            self._add()
        elif self._layer in self._viewer.layers:
            self._layer.refresh(thumbnail=False, highlight=False, extent=False)

    def remove(self) -> None:
        """Take the layer away, if it is there."""
        take_away(self._viewer, self._layer)

    def _add(self) -> None:
        origin = (self._region.y0, self._region.x0)
        with selection_kept(self._viewer):
            self._layer = self._viewer.add_image(
                expand(self._canvas, self._picture),
                name=NAME,
                rgb=False,
                metadata={OWN_KEY: "preview"},
                **preview_look(),
                **placement(self._image, self._picture, origin, self._step),
            )


def paste(canvas: npt.NDArray[np.uint8], tile: TileDone, region: Box, step: int) -> None:
    """Draw one tile into a canvas.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (Y, X)
        One pixel per `step` pixels of `region`; changed in place.
    tile : TileDone
        With its box in pixels of the same picture as `region`.
    region : Box
        What the canvas covers.
    step : int
        At least 1.
    """
    height, width = tile.preview.shape
    rows, from_rows = nearest(tile.box.y0, tile.box.y1, height, region.y0, step, len(canvas))
    columns, from_columns = nearest(
        tile.box.x0, tile.box.x1, width, region.x0, step, canvas.shape[1]
    )
    canvas[np.ix_(rows, columns)] = tile.preview[np.ix_(from_rows, from_columns)]


def nearest(
    start: int, stop: int, length: int, origin: int, step: int, limit: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which pixels of a canvas show a tile along one axis, and which of the tile's they are.

    Parameters
    ----------
    start, stop : int
        First and one after the last pixel that the tile covers.
    length : int
        Pixels of the tile, spread evenly over what it covers.
    origin : int
        First pixel that the canvas covers.
    step : int
        Pixels per pixel of the canvas.
    limit : int
        Pixels of the canvas.

    Returns
    -------
    there, here : ndarray of int, shape (n,)
        Indices into canvas and tile; n is 0 where no centre of the canvas lies in the tile.
    """
    centres = origin + (np.arange(limit) + 0.5) * step
    inside = np.flatnonzero((centres >= start) & (centres < stop))
    source = (centres[inside] - start) / max(1, stop - start) * length
    return inside, np.minimum(source.astype(np.intp), length - 1)


def take_away(viewer: Any, layer: Any) -> None:
    """Remove a preview if it is there; what is selected stays so.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image or None
    """
    if layer is not None and layer in viewer.layers:
        with selection_kept(viewer), collection_spared():
            viewer.layers.remove(layer)
