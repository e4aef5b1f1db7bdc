"""What is noted about a run when its objects become a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.image_layers import source_info, um_source
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.result_info import ResultInfo
from napari_selfreg.widgets.segment_job import PanelRequest

_SAME = 1e-6


def record(request: PanelRequest, layer: Any, card: Card, result: Any) -> ResultInfo:
    """Return what a result layer says about itself.

    Parameters
    ----------
    request : PanelRequest
        What the job was asked.
    layer : napari.layers.Image
        The image.
    card : Card
        Of the model.
    result : ObjectsResult
        What the job has found.

    Returns
    -------
    ResultInfo
    """
    step_y, step_x = (float(factor) for factor in request.picture.plane_factors)
    full = PixelSize(request.pixel_size.y / step_y, request.pixel_size.x / step_x)
    return ResultInfo(
        model_name=card.name,
        model_title=card.title,
        model_version=result.version,
        classes=tuple(card.classes),
        pixel_size=full,
        um_source=_source(layer, full),
        settings=request.settings or card.postprocessing,
        image_layer_id=layer.unique_id,
        stem=stem_of(layer),
        box=result.box,
        factors=(step_y, step_x),
        separation=card.separation,
        tta=request.tta,
        skip_glass=request.skip_glass,
        mask=_mask(request, result),
        citation=" ".join(data.citation for data in card.data),
        terms=card.terms,
        probability=result.probability,
    )


def _mask(request: PanelRequest, result: Any) -> npt.NDArray[np.bool_] | None:
    """Return which pixels of the result lie in the outlines of a person."""
    if request.mask is None:
        return None
    part = result.box.shift(-request.box.y0, -request.box.x0)
    return request.mask[part.slices]


def stem_of(layer: Any) -> str:
    """Return the name of an image for files and tables: of its file, else of its layer."""
    info = source_info(layer)
    if info is not None:
        return info.stem
    path = getattr(layer.source, "path", None)
    text = Path(path).stem if path else str(layer.name)
    return "".join(letter if letter not in '/\\:*?"<>|' else "_" for letter in text) or "image"


def _source(layer: Any, size: PixelSize) -> UmSource:
    """Return who stated a size: the image only if it is just that which was used."""
    stated = pixel_size_of(layer)
    same = stated is not None and all(
        abs(a / b - 1) < _SAME for a, b in ((stated.y, size.y), (stated.x, size.x))
    )
    return um_source(layer) if same else "option"
