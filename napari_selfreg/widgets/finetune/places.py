"""Where the labels of a field lie on the canvas."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.image_layers import source_info


def image_layer_of(viewer: Any, project: Project, field: str) -> Any:
    """Return the visible image layer that shows a field, else any that does, else None."""
    path = project.images.path(field).resolve()
    found = []
    for layer in viewer.layers:
        info = source_info(layer)
        file = info.path if info is not None else getattr(layer.source, "path", None)
        if file and path == type(path)(file).resolve() and hasattr(layer, "rgb"):
            found.append(layer)
    return next((layer for layer in found if layer.visible), found[0] if found else None)


def place_of(viewer: Any, project: Project, field: str) -> dict[str, Any] | None:
    """Return scale, translate and units that put labels of a field onto its image.

    Parameters
    ----------
    viewer : napari.Viewer
    project : Project
    field : str
        Its id.

    Returns
    -------
    dict or None
        Arguments for a layer of two axes; None where the image is not open.
    """
    layer = image_layer_of(viewer, project, field)
    if layer is None:
        return None
    record = project.field(field)
    scale = np.asarray(layer.scale[-2:], np.float64)
    step, offset = np.array(record.downsample), np.array(record.offset)
    # centre of the first pixel of the labels, which covers `step` pixels of the image
    corner = offset + (step - 1) / 2
    return {
        "scale": tuple(scale * step),
        "translate": tuple(np.asarray(layer.translate[-2:]) + corner * scale),
        "units": tuple(layer.units[-2:]),
    }
