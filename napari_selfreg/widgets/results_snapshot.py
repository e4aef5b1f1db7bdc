"""Take down, on the main thread, what a job needs to know of a result and its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.widgets.exchange_job import ImportRequest
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.layers import Picture, layer_by_id, picture_of, pixel_size_of
from napari_selfreg.widgets.result_info import ResultInfo, is_touched, result_info
from napari_selfreg.widgets.result_layer import WHOLE_PLANE_PIXELS
from napari_selfreg.widgets.result_plane import label_plane
from napari_selfreg.widgets.results_job import Snapshot

NO_PIXEL_SIZE = (
    "The image does not say how large its pixels are: choose that in the Open panel first."
)


def image_of(viewer: Any, layer: Any) -> Any:
    """Return the image layer a result lies on, None if it is gone."""
    info = result_info(layer)
    return None if info is None else layer_by_id(viewer, info.image_layer_id)


def take_snapshot(viewer: Any, layer: Any) -> Snapshot:
    """Return what a job needs to know of a result layer."""
    info = result_info(layer)
    if info is None:
        raise BadInputError(f"“{layer.name}” is no result: choose another layer.")
    image = image_of(viewer, layer)
    picture = None if image is None else picture_for(viewer, image, info)
    shape = None if image is None else full_shape(image, picture)
    plane, touched = label_plane(layer), is_touched(layer)
    return Snapshot(plane, info, layer.features, picture, shape, touched)


def take_import(viewer: Any, image: Any, path: Path) -> ImportRequest:
    """Return what is needed to read labels onto an image.

    Raises
    ------
    BadInputError
        If nobody knows how large its pixels are.
    """
    size = pixel_size_of(image)
    if size is None:
        raise BadInputError(NO_PIXEL_SIZE)
    picture = picture_of(viewer, image)
    shape = full_shape(image, picture)
    if picture.shape[0] * picture.shape[1] > WHOLE_PLANE_PIXELS and image.multiscale:
        picture = next(
            (
                each
                for each in (
                    picture_of(viewer, image, type(size)(size.y * f, size.x * f))
                    for f in 2.0 ** np.arange(1, 12)
                )
                if each.shape[0] * each.shape[1] <= WHOLE_PLANE_PIXELS
            ),
            picture,
        )
    return ImportRequest(path, picture, size, stem_of(image), shape)


def stem_of(image: Any) -> str:
    """Return the name of an image for files: that of its file, else of its layer."""
    source = source_info(image)
    return source.stem if source is not None else str(image.name)


def full_shape(image: Any, picture: Picture | None) -> tuple[int, int]:
    """Return rows and columns of an image layer at full resolution."""
    level = image.data[0] if image.multiscale else image.data
    axes = picture.axes if picture is not None else (0, 1)
    return int(level.shape[axes[0]]), int(level.shape[axes[1]])


def picture_for(viewer: Any, image: Any, info: ResultInfo) -> Picture | None:
    """Return the plane at the resolution of the labels, None if the image has no such one."""
    wanted = info.label_size if image.multiscale else None
    try:
        picture = picture_of(viewer, image, wanted, info.plane)
    except BadInputError:
        return None
    return picture if np.allclose(picture.plane_factors, info.factors, rtol=0.02) else None
