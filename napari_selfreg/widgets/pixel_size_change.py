"""Another size of an image's pixels: what lies on the image, and what was measured, follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.image_layers import set_pixel_size, spacing
from napari_selfreg.widgets.layers import is_picture
from napari_selfreg.widgets.result_info import IMPORTED, RESULT_KEY, result_info

Floats = npt.NDArray[np.float64]


def change_pixel_size(viewer: Any, image: Any, pixel_size: PixelSize) -> bool:
    """Give an image another pixel size, and let all that lies on it follow.

    Results of it carry the new size from then on, so that they are measured again; regions, maps
    and what a person has drawn on it stay where they are on the tissue.

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
    followers = [each for each in viewer.layers if _lies_on(each, image)]
    before = np.asarray(image.scale[-2:], dtype=np.float64)
    set_pixel_size(image, pixel_size)
    ratio = np.asarray(image.scale[-2:], dtype=np.float64) / before
    _keep_view(viewer, ratio)
    found = False
    for layer in followers:
        layer.units = (*layer.units[:-2], *spacing(pixel_size)["units"])
        layer.scale = (*layer.scale[:-2], *(np.asarray(layer.scale[-2:]) * ratio))
        layer.translate = (*layer.translate[:-2], *(np.asarray(layer.translate[-2:]) * ratio))
        info = result_info(layer)
        if info is not None:
            found |= info.model_name != IMPORTED
            known = replace(info, pixel_size=pixel_size, um_source="option")
            layer.metadata[RESULT_KEY] = known
    return found


def _lies_on(layer: Any, image: Any) -> bool:
    """Tell whether a layer belongs to an image: by what it knows, else by where it is seen."""
    info = result_info(layer)
    if info is not None:
        return bool(info.image_layer_id == image.unique_id)
    if is_picture(layer) or layer.ndim < 2 or not layer.visible:
        return False
    middle = _extent(layer).mean(axis=0)
    if np.isnan(middle).any():
        return True  # nothing is on it yet: what will be drawn is drawn on what is seen
    low, high = _extent(image)
    return bool((low <= middle).all() and (middle <= high).all())


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
