"""The part of a picture to work on: what the window shows, or shapes a person has drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes
from skimage.draw import polygon2mask

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.widgets.layers import Picture, world_to_layer

Scope = Literal["view", "whole", "shapes"]

FLAT = ("line", "path")
"""Kinds of napari's shapes that have no area."""

_ELLIPSE_CORNERS = 128


def view_box(viewer: Any, layer: Any, picture: Picture) -> Box:
    """Return what the window shows of a picture.

    Parameters
    ----------
    viewer : napari.Viewer
        Seen flat (``ndisplay == 2``).
    layer : napari.layers.Image
        The image.
    picture : Picture
        Its plane and resolution.

    Returns
    -------
    Box
        In pixels of the picture; empty if nothing of it is in view.
    """
    level = layer.downsample_factors[layer.data_level] if layer.multiscale else 1.0
    corners = np.asarray(layer.corner_pixels, dtype=np.float64)
    # Whole pixels, inclusive at both ends, of the resolution on the screen.
    low, high = corners[0] * level - 0.5, (corners[1] + 1) * level - 0.5
    # Of several resolutions napari keeps the corners of the tile it has read, which may be far
    # larger than the view; and of an image out of view it keeps its rim.
    camera_low, camera_high = _camera_bounds(viewer, layer)
    low, high = np.maximum(low, camera_low), np.minimum(high, camera_high)
    return _box_around(picture.to_picture(np.stack([low, high])), picture)


def has_selected_shapes(viewer: Any) -> bool:
    """Tell whether a shape with an area is selected in a visible Shapes layer."""
    return next(_selected(viewer), None) is not None


def selected_area(viewer: Any, layer: Any, picture: Picture) -> tuple[Box, npt.NDArray[np.bool_]]:
    """Return the pixels inside the selected shapes of all visible Shapes layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds the Shapes layers.
    layer : napari.layers.Image
        The image, anywhere in the world.
    picture : Picture
        Its plane and resolution.

    Returns
    -------
    box : Box
        Around all shapes, in pixels of the picture.
    mask : ndarray of bool, shape (Y, X)
        Inside `box`: pixels whose centre lies in a shape.

    Raises
    ------
    BadInputError
        If no shape with an area is selected, or all lie beside the picture.
    """
    polygons = [
        picture.to_picture(world_to_layer(layer, world, units))
        for world, units in _selected(viewer)
    ]
    if not polygons:
        raise BadInputError("No shape is selected: draw one around the tissue and select it.")
    box = _box_around(np.concatenate(polygons), picture)
    mask = np.zeros(box.shape, dtype=bool)
    if not box.empty:
        for polygon in polygons:
            mask |= polygon2mask(box.shape, polygon - (box.y0, box.x0))
    if not mask.any():
        raise BadInputError("The selected shapes lie beside the image: draw one on the tissue.")
    return box, mask


def ellipse_outline(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return points along an ellipse that napari gives by the corners around it.

    Parameters
    ----------
    corners : ndarray of float, shape (4, N)
        In order around the ellipse, which may be turned.

    Returns
    -------
    ndarray of float, shape (128, N)
    """
    centre = corners.mean(axis=0)
    first, second = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    outline: npt.NDArray[np.float64] = centre + np.cos(angle) * first + np.sin(angle) * second
    return outline


def _selected(viewer: Any) -> Iterator[tuple[npt.NDArray[np.float64], Any]]:
    """Yield the corners of each selected shape in the world, shape (N, W), and their units."""
    for layer in viewer.layers:
        if not isinstance(layer, Shapes) or not layer.visible:
            continue
        for index in sorted(layer.selected_data):
            kind = str(layer.shape_type[index])
            if kind in FLAT:
                continue
            corners = np.asarray(layer.data[index], dtype=np.float64)
            outline = ellipse_outline(corners) if kind == "ellipse" else corners
            yield np.array([layer.data_to_world(point) for point in outline]), layer.units


def _camera_bounds(
    viewer: Any, layer: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lowest and highest data coordinates in view, for every axis of the layer."""
    camera, shown = viewer.scene.camera, list(viewer.dims.displayed)
    half = np.asarray(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    points = np.tile(np.asarray(viewer.dims.point, dtype=np.float64), (4, 1))
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    points[:, shown] = np.asarray(camera.center[-2:]) + signs * half
    data = world_to_layer(layer, points)
    return data.min(axis=0), data.max(axis=0)


def _box_around(points: npt.NDArray[np.float64], picture: Picture) -> Box:
    """Return the pixels touched between the outermost points, inside the picture."""
    low = np.floor(points.min(axis=0) + 0.5).astype(int)
    high = np.ceil(points.max(axis=0) + 0.5).astype(int)
    rows, columns = picture.shape
    return Box(*low.tolist(), *high.tolist()).intersect(Box(0, 0, rows, columns))
