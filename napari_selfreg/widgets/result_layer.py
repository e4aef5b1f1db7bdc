"""The objects of a finished job as a new Labels layer, exactly on their image."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils import CyclicLabelColormap

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.placement import expand, placement
from napari_selfreg.widgets.result_info import RESULT_KEY, ResultInfo, is_rerun
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.settings import OUTLINE_COLOURS, settings

WHOLE_PLANE_PIXELS = 100_000_000
"""Up to this size a result covers its whole image, so that a brush works anywhere on it."""

COLOURS = tuple(colour for colour in OUTLINE_COLOURS.values() if colour)
"""Bright against pink and violet; neighbours differ for colour-blind eyes too."""

OUTLINED_PIXELS = 4_000_000
"""Napari draws outlines of larger results too slowly: they are filled, half transparent."""

FILLED_OPACITY = 0.4

_BACKGROUND = "#00000000"
"""Napari gives the first colour of the cycle to no object."""


class Objects(Protocol):
    """Objects of a part of a picture: ids, where they lie, and one row for each."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Object ids, shape (Y, X), of `box`."""
        ...

    @property
    def box(self) -> Box:
        """Where they lie in the picture."""
        ...

    @property
    def table(self) -> dict[str, npt.NDArray[Any]]:
        """Column name -> one value per object."""
        ...


def add_result(
    viewer: Any,
    layer: Any,
    picture: Picture,
    result: Objects,
    name: str,
    info: ResultInfo | None = None,
) -> Any:
    """Add the objects found in an image; no other layer changes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to add them.
    layer : napari.layers.Image
        The image, wherever it lies by now.
    picture : Picture
        The plane that was segmented.
    result : Objects
        int32 object ids, shape (Y, X), of ``result.box``, and one row per object in
        ``result.table``.
    name : str
        Wanted name; napari adds a number if there is such a layer.
    info : ResultInfo, optional
        Where the objects come from; its ``origin`` and ``plane`` are filled in here.

    Returns
    -------
    napari.layers.Labels
        Selected, unless a person has a brush or another tool in hand.
    """
    labels, box = on_plane(result.labels, result.box, picture.shape)
    chosen = settings()
    outlined = math.prod(labels.shape) <= OUTLINED_PIXELS
    colours = (chosen.outline_colour,) if chosen.outline_colour else COLOURS
    origin = box.y0, box.x0
    if info is not None:
        info = replace(info, origin=origin, plane=picture.plane)
    arguments = {
        "name": name,
        "opacity": 1.0 if outlined else FILLED_OPACITY,
        "colormap": CyclicLabelColormap([_BACKGROUND, *colours], background_value=0),
        "features": feature_rows(result.table),
        "metadata": {RESULT_KEY: info} if info else {},
        **placement(layer, picture, origin),
    }
    # Hidden until it is complete: napari prepares the whole picture at every change of a layer
    # on show, and outlines of a large one take a tenth of a second each time.
    added = Labels(expand(labels, picture), visible=False, **arguments)
    if outlined:  # what lies inside an object must stay visible to judge it
        added.contour = chosen.outline_width or outline_width(labels.shape)
    with selection_kept(viewer) if tool_in_hand(viewer) else nullcontext():
        viewer.add_layer(added)
    added.visible = True
    return added


def hide_former(viewer: Any, added: Any) -> str:
    """Hide results that the same model gave for the same place: two outlines tell nothing.

    Returns
    -------
    str
        A sentence for each of them.
    """
    former = [
        each
        for each in viewer.layers
        if each.visible and each is not added and is_rerun(added, each)
    ]
    for each in former:
        each.visible = False
    return " ".join(f"“{each.name}”, from before, is hidden." for each in former)


def outline_width(shape: tuple[int, int]) -> int:
    """Return how many pixels wide outlines must be to be seen on a whole picture."""
    return max(1, round(max(shape) / 600))


def on_plane(
    labels: npt.NDArray[np.int32], box: Box, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], Box]:
    """Put labels of a box on their whole plane, unless that is too large.

    Parameters
    ----------
    labels : ndarray of int32, shape of `box`
        Object ids.
    box : Box
        Where they lie.
    shape : tuple of int
        Rows and columns of the plane.

    Returns
    -------
    labels, box
        Of the plane up to `WHOLE_PLANE_PIXELS`, else as they were.
    """
    if math.prod(shape) > WHOLE_PLANE_PIXELS or box.shape == shape:
        return labels, box
    whole = np.zeros(shape, dtype=np.int32)
    whole[box.slices] = labels
    return whole, Box(0, 0, *shape)


def tool_in_hand(viewer: Any) -> bool:
    """Tell whether a person is drawing: then the selection must stay."""
    active = viewer.layers.selection.active
    return active is not None and str(active.mode) != "pan_zoom"
