"""For what attention is asked: what the model finds, objects of a layer, or one object."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.layers import OWN_KEY, Picture, world_to_layer
from napari_selfreg.widgets.volume.result_info import is_volume_result

PREDICTED = "What the model finds"
CLICKED = "The object I click"


def label_layers(viewer: Any) -> list[Any]:
    """Return the layers with objects, the topmost first; drafts and classes of volumes are none."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(bare(layer), Labels)
        and OWN_KEY not in layer.metadata
        and not is_volume_result(layer)
    ]


def objects_in(image: Any, picture: Picture, box: Box, labels: Any) -> npt.NDArray[np.int64]:
    """Return the labels of a layer on the pixels of a part of a picture.

    Parameters
    ----------
    image : napari.layers.Image
    picture : Picture
        Its plane.
    box : Box
        In pixels of the picture.
    labels : napari.layers.Labels
        Anywhere in the world.

    Returns
    -------
    ndarray of int64, shape (y, x)
        0 where the layer has no object.
    """
    start, down, right = (
        _place(image, picture, labels, box.y0 + row, box.x0 + column)
        for row, column in ((0, 0), (1, 0), (0, 1))
    )
    rows, columns = np.ogrid[: box.shape[0], : box.shape[1]]
    shape = labels.data.shape
    inside = np.ones(box.shape, bool)
    index = []
    for axis in range(labels.ndim):
        along = (
            start[axis] + rows * (down[axis] - start[axis]) + columns * (right[axis] - start[axis])
        )
        place = np.rint(along).astype(np.intp)
        inside &= (place >= 0) & (place < shape[axis])
        index.append(np.clip(place, 0, shape[axis] - 1))
    found = np.asarray(labels.data)[tuple(np.broadcast_arrays(*index))]
    return np.where(inside, found, 0).astype(np.int64)


def object_at(viewer: Any, position: Any) -> tuple[Any, int] | None:
    """Return the topmost visible layer with an object at a place of the world, and its id."""
    for layer in label_layers(viewer):
        value = layer.get_value(position, world=True) if layer.visible else None
        if value:
            return layer, int(value)
    return None


def _place(
    image: Any, picture: Picture, labels: Any, row: float, column: float
) -> npt.NDArray[np.float64]:
    """Return data coordinates of the labels at a pixel of the picture."""
    world = np.asarray(image.data_to_world(picture.to_data(row, column)))
    if picture.channel_axis is not None:
        world = np.delete(world, picture.channel_axis)
    return np.asarray(world_to_layer(labels, world[np.newaxis])[0], np.float64)
