"""Another size of an image's pixels: what lies on the image, and what was measured, follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.image_layers import set_pixel_size, spacing
from napari_selfreg.widgets.layers import OWN_KEY, REGIONS, is_picture
from napari_selfreg.widgets.result_info import IMPORTED, RESULT_KEY, result_info

if TYPE_CHECKING:
    from napari_selfreg.widgets.field_list import Field

Floats = npt.NDArray[np.float64]

FOUND_BEFORE = (
    "Sizes follow. The model saw the image at the other pixel size: run it again for its best."
)

_POWERS = {"area_um2": 2, "perimeter_um": 1}
"""Columns of measurements that depend on the pixel size, and how."""


def change_pixel_size(viewer: Any, image: Any, pixel_size: PixelSize) -> bool:
    """Give an image another pixel size, and let all that lies on it follow.

    Results of it carry the new size from then on, and their measurements follow; maps and what a
    person has drawn on it stay where they are on the tissue. Where several images lie on each
    other, nobody knows what was drawn on which: only results follow then.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds the layers.
    image : napari.layers.Image
        The image.
    pixel_size : PixelSize
        What a person has chosen.

    Returns
    -------
    bool
        Whether a model has found objects on it, at the size before.
    """
    pictures = [each for each in viewer.layers if is_picture(each)]
    followers = [each for each in viewer.layers if _lies_on(each, image, pictures)]
    before = np.asarray(image.scale[-2:], dtype=np.float64)
    set_pixel_size(image, pixel_size)
    ratio = np.asarray(image.scale[-2:], dtype=np.float64) / before
    _keep_view(viewer, ratio)
    found = False
    for layer in followers:
        layer.units = (*layer.units[:-2], *spacing(pixel_size)["units"])
        layer.scale = (*layer.scale[:-2], *(np.asarray(layer.scale[-2:]) * ratio))
        layer.translate = (*layer.translate[:-2], *(np.asarray(layer.translate[-2:]) * ratio))
        found |= give_size(layer, pixel_size)
    return found


def kept_sizes(fields: Sequence[Field]) -> str:
    """Return what to say of fields that a choice for their folder does not count for."""
    if len(fields) == 1:
        return f"{fields[0].stem} keeps its own size."
    return f"{len(fields)} fields keep their own sizes." if fields else ""


def give_size(layer: Any, pixel_size: PixelSize) -> bool:
    """Let a result carry another pixel size, and its measurements follow; it stays in its place.

    Parameters
    ----------
    layer : napari.layers.Layer
        Any; layers that are no results stay as they are.
    pixel_size : PixelSize
        That of the image by now.

    Returns
    -------
    bool
        Whether it is a result that a model has found.
    """
    info = result_info(layer)
    if info is None:
        return False
    _measure_again(layer, info.pixel_size, pixel_size)
    layer.metadata[RESULT_KEY] = replace(info, pixel_size=pixel_size, um_source="option")
    return bool(info.model_name != IMPORTED)


def _measure_again(layer: Any, before: PixelSize, after: PixelSize) -> None:
    """Let lengths and areas follow; pixels of another shape are measured when it is looked at."""
    factor = after.y / before.y
    if not np.isclose(factor, after.x / before.x):
        return
    features = layer.features.copy()
    for column, power in _POWERS.items():
        if column in features:
            features[column] = features[column] * factor**power
    layer.features = features


def _lies_on(layer: Any, image: Any, pictures: list[Any]) -> bool:
    """Tell whether a layer belongs to an image: by what it knows, else by where it lies."""
    info = result_info(layer)
    if info is not None:
        return bool(info.image_layer_id == image.unique_id)
    if layer in pictures or layer.ndim < 2 or _units(layer) != _units(image):
        return False
    if layer.metadata.get(OWN_KEY) == REGIONS:
        return False  # they follow the labels they were drawn on
    middle = _extent(layer).mean(axis=0)
    below = [each for each in pictures if np.isnan(middle).any() or _holds(each, middle)]
    return below == [image]


def _holds(image: Any, place: Floats) -> bool:
    low, high = _extent(image)
    return bool((low <= place).all() and (place <= high).all())


def _units(layer: Any) -> list[str]:
    return [str(unit) for unit in layer.units[-2:]]


def _extent(layer: Any) -> Floats:
    """Return the lowest and the highest row and column in the world, shape (2, 2)."""
    return np.asarray(layer.extent.world, dtype=np.float64)[:, -2:]


def _keep_view(viewer: Any, ratio: Floats) -> None:
    """Move the camera with an image whose rows and columns have another size in the world."""
    camera = viewer.scene.camera
    centre = np.asarray(camera.center, dtype=np.float64)
    centre[-2:] *= ratio
    camera.center = tuple(centre)
    camera.zoom /= float(np.sqrt(abs(ratio.prod())))  # mirrored images have a negative one
