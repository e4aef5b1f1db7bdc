"""The objects of a finished job as a new Labels layer, exactly on their image."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils import CyclicLabelColormap

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.placement import expand, placement

if TYPE_CHECKING:
    from napari_selfreg.engine.segment import ObjectsResult

WHOLE_PLANE_PIXELS = 100_000_000
"""Up to this size a result covers its whole image, so that a brush works anywhere on it."""

COLOURS = ("#ffff00", "#00ffff", "#40ff40", "#ffffff", "#ff9000")
"""Bright against pink and violet; neighbours differ for colour-blind eyes too."""

OUTLINED_PIXELS = 4_000_000
"""Napari draws outlines of larger results too slowly: they are filled, half transparent."""

FILLED_OPACITY = 0.4

_BACKGROUND = "#00000000"
"""Napari gives the first colour of the cycle to no object."""


def add_result(viewer: Any, layer: Any, picture: Picture, result: ObjectsResult, name: str) -> Any:
    """Add the objects found in an image; no other layer changes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to add them.
    layer : napari.layers.Image
        The image, wherever it lies by now.
    picture : Picture
        The plane that was segmented.
    result : ObjectsResult
        int32 object ids, shape (Y, X), of ``result.box``, and one row per object in
        ``result.table``.
    name : str
        Wanted name; napari adds a number if there is such a layer.

    Returns
    -------
    napari.layers.Labels
        Selected, unless a person has a brush or another tool in hand.
    """
    labels, box = result.labels, result.box
    if picture.shape[0] * picture.shape[1] <= WHOLE_PLANE_PIXELS:
        labels, box = _on_whole_plane(labels, box, picture.shape)
    outlined = math.prod(labels.shape) <= OUTLINED_PIXELS
    arguments = {
        "name": name,
        "opacity": 1.0 if outlined else FILLED_OPACITY,
        "colormap": CyclicLabelColormap([_BACKGROUND, *COLOURS], background_value=0),
        "features": {key: np.asarray(column) for key, column in result.table.items()},
        **placement(layer, picture, (box.y0, box.x0)),
    }
    added = Labels(expand(labels, picture), **arguments)
    # What lies inside an object must stay visible to judge it.
    added.contour = outline_width(labels.shape) if outlined else 0
    with selection_kept(viewer) if _tool_in_hand(viewer) else nullcontext():
        return viewer.add_layer(added)


def outline_width(shape: tuple[int, int]) -> int:
    """Return how many pixels wide outlines must be to be seen on a whole picture."""
    return max(1, round(max(shape) / 600))


def _on_whole_plane(
    labels: npt.NDArray[np.int32], box: Box, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], Box]:
    whole = np.zeros(shape, dtype=np.int32)
    whole[box.slices] = labels
    return whole, Box(0, 0, *shape)


def _tool_in_hand(viewer: Any) -> bool:
    active = viewer.layers.selection.active
    return active is not None and str(active.mode) != "pan_zoom"
