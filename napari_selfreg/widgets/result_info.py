"""What a result layer carries beside its objects: where they come from, and how they were made.

It lives in the metadata of the Labels layer, so that every panel finds it there and nothing has
to be passed around. It is frozen: whoever changes the objects puts a new one in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box, PixelSize, PostProcessing, UmSource
from napari_selfreg.widgets.layers import Plane

RESULT_KEY = "napari_selfreg_result"
"""Metadata key of result layers."""

TOUCHED_KEY = "napari_selfreg_touched"
"""Metadata key of result layers that a person has changed."""

FIELD_KEY = "napari_selfreg_field"
"""Metadata key of layers that show a field: folder of its project and id of the field."""

IMPORTED = "imported"
"""`ResultInfo.model_name` of labels that were read from a file."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultInfo:
    """Where the objects of a result layer come from.

    Parameters
    ----------
    model_name, model_title : str
        Of the card; ``"imported"`` for labels from a file.
    model_version : str
        First digits of the bundle's SHA-256; empty if there is no bundle.
    classes : tuple of str
        Foreground classes.
    pixel_size : PixelSize
        Of the image at full resolution.
    um_source : {"option", "file", "model"}
        Who stated it.
    settings : PostProcessing
        How the probabilities became these objects.
    image_layer_id : object
        ``unique_id`` of the image layer.
    stem : str
        Name of the image for files and tables, without folders and suffix.
    box : Box
        What was segmented, in pixels of the picture (one plane at one resolution).
    origin : (int, int)
        Row and column of the picture where the layer's data begin.
    factors : (float, float)
        Pixels at full resolution per pixel of the picture, along y and x.
    separation : {"contour", None}
        What the last channel of `probability` is.
    tta : bool
        Whether eight views were averaged.
    skip_glass : bool
        Whether parts that surely show nothing but glass were left out.
    mask : ndarray of bool, shape (y, x), optional
        The pixels of `box` that a person has outlined; all of them without it.
    plane : Plane, optional
        The plane of the image that the picture is, wherever the sliders stand by now.
    citation, terms : str
        Of the model.
    probability : ndarray of float, shape (K[+1], y, x), optional
        Of `box`: each class, then the contour where there is one. Classes are 0 where no object
        may lie. float16 if it is large.
    """

    model_name: str
    model_title: str
    model_version: str
    classes: tuple[str, ...]
    pixel_size: PixelSize
    um_source: UmSource
    settings: PostProcessing
    image_layer_id: Any
    stem: str
    box: Box
    origin: tuple[int, int] = (0, 0)
    factors: tuple[float, float] = (1.0, 1.0)
    separation: str | None = None
    tta: bool = False
    skip_glass: bool = True
    mask: npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    plane: Plane | None = None
    citation: str = ""
    terms: str = ""
    probability: npt.NDArray[np.floating[Any]] | None = field(default=None, repr=False)

    @property
    def label_size(self) -> PixelSize:
        """Size of one pixel of the labels."""
        return PixelSize(self.pixel_size.y * self.factors[0], self.pixel_size.x * self.factors[1])

    def pixels_in(self, part: Box) -> int:
        """Return how many pixels of a part of the layer's data were segmented."""
        inside = part.intersect(self.place)
        if self.mask is None or inside.empty:
            return math.prod(inside.shape)
        inner = inside.shift(-self.place.y0, -self.place.x0)
        return int(np.count_nonzero(self.mask[inner.slices]))

    @property
    def place(self) -> Box:
        """`box` in rows and columns of the layer's data."""
        return self.box.shift(-self.origin[0], -self.origin[1])


def result_info(layer: Any) -> ResultInfo | None:
    """Return what a layer carries, None if it is no result of ours."""
    found = getattr(layer, "metadata", {}).get(RESULT_KEY)
    return found if isinstance(found, ResultInfo) else None


def is_result(layer: Any) -> bool:
    """Tell whether a layer is a result of ours or labels that were imported."""
    return result_info(layer) is not None


def is_rerun(new: Any, old: Any) -> bool:
    """Tell whether two results are the same model's of the same place, the old one unchanged."""
    this, that = result_info(new), result_info(old)
    return (
        this is not None
        and that is not None
        and not is_touched(old)
        and not is_of_project(old)
        and (this.image_layer_id, this.model_name, this.box)
        == (that.image_layer_id, that.model_name, that.box)
        and np.array_equal(np.asarray(this.mask), np.asarray(that.mask))
        and new.data.shape == old.data.shape
        and bool((new.translate == old.translate).all())
    )


def is_touched(layer: Any) -> bool:
    """Tell whether a person has changed a layer: then it is hers."""
    return bool(layer.metadata.get(TOUCHED_KEY))


def is_of_project(layer: Any) -> bool:
    """Tell whether a layer holds the corrections of a project, changed yet or not."""
    return FIELD_KEY in layer.metadata


def mark_touched(layer: Any) -> None:
    """Note that a person has changed a layer."""
    layer.metadata[TOUCHED_KEY] = True
