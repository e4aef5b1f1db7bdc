"""Lays the map of a block exactly on the tissue."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.placement import placement


def map_placement(
    layer: Any, picture: Picture, scale: tuple[float, ...], translate: tuple[float, ...]
) -> dict[str, Any]:
    """Return the arguments that put a map exactly on its image.

    Parameters
    ----------
    layer : napari.layers.Image
        The image as it lies now.
    picture : Picture
        The plane that was looked at.
    scale, translate : tuple of float
        Of the map, along y and x: pixels of the picture per map pixel, and the centre of the
        first map pixel.

    Returns
    -------
    dict
        As `placement` gives it.
    """
    row, column = translate[-2:]
    place = placement(layer, picture, (row, column))
    stretched = np.array(place["scale"], dtype=np.float64)
    stretched[list(map_axes(picture))] *= scale[-2:]
    return {**place, "scale": stretched}


def map_axes(picture: Picture) -> tuple[int, int]:
    """Return the axes of rows and columns once the channels of the picture are gone."""
    channel = picture.channel_axis
    before = [axis - (channel is not None and channel < axis) for axis in picture.axes]
    return before[0], before[1]


def expand_map(plane: npt.NDArray[Any], picture: Picture) -> npt.NDArray[Any]:
    """Give a map, shape (y, x) or (y, x, colours), the other axes of its image (length 1)."""
    shape = [1] * (len(picture.position) - (picture.channel_axis is not None))
    rows, columns = map_axes(picture)
    shape[rows], shape[columns] = plane.shape[:2]
    return plane.reshape([*shape, *plane.shape[2:]])


def map_point(layer: Any, position: Any, picture: Picture) -> tuple[float, float]:
    """Return row and column of the picture at a place of the world.

    Parameters
    ----------
    layer : napari.layers.Image
        The image.
    position : sequence of float
        World coordinates, of the cursor.
    picture : Picture
    """
    data = np.asarray(layer.world_to_data(np.asarray(position, np.float64)[-layer.ndim :]))
    row, column = picture.to_picture(data[np.newaxis])[0]
    return float(row), float(column)
