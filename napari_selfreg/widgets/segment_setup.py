"""Settings of the Segment panel: what is missing in them, and the request they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.areas import Scope, has_selected_shapes, selected_area, view_box
from napari_selfreg.widgets.layers import Picture, picture_of
from napari_selfreg.widgets.segment_job import PanelRequest

FINEST_PIXELS = 100_000_000
"""Areas up to this size are segmented at full resolution, larger ones next to the model's."""

NO_IMAGE = "Open an image first: File > Open, File > Open Sample, or drop a file on the window."
NO_PIXEL_SIZE = (
    "The image does not say how large its pixels are: type the micrometres per pixel, or choose "
    "the magnification under “Set”."
)
NO_SHAPE = "Draw a shape around the tissue, in a Shapes layer, and select it."
NOT_FLAT = "The window shows three dimensions: switch to two, or take the whole image."
OUT_OF_VIEW = "The image is not in view: move it into the window, or take the whole image."


@dataclass(frozen=True, slots=True)
class SegmentSettings:
    """What is set in the panel, apart from the image.

    Parameters
    ----------
    model : Path or None
        The chosen bundle.
    pixel_size : PixelSize or None
        Micrometres per pixel of the image; None while unknown.
    scope : {"view", "whole", "shapes"}
        The area.
    device : str
        What computes.
    settings : PostProcessing or None
        How probabilities become objects; None for the model's own way.
    tta : bool
        Average over eight turned and mirrored views.
    uncertainty, probability : bool
        Layers to add beside the objects.
    precision : str
        ``auto`` or ``fp32``.
    skip_glass : bool
        Leave out parts that surely show nothing but glass.
    """

    model: Path | None
    pixel_size: PixelSize | None
    scope: Scope
    device: str
    settings: PostProcessing | None = None
    tta: bool = False
    uncertainty: bool = False
    probability: bool = False
    precision: str = "auto"
    skip_glass: bool = True


def what_is_missing(viewer: Any, layer: Any, settings: SegmentSettings) -> str:
    """Say what a person still has to do before Run, or return an empty text.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds view and shapes.
    layer : napari.layers.Image or None
        The chosen image.
    settings : SegmentSettings
        The rest.
    """
    if layer is None:
        return NO_IMAGE
    if settings.pixel_size is None:
        return NO_PIXEL_SIZE
    if settings.scope == "shapes" and not has_selected_shapes(viewer):
        return NO_SHAPE
    if settings.scope == "view" and viewer.dims.ndisplay != 2:
        return NOT_FLAT
    return ""


def take_request(viewer: Any, layer: Any, settings: SegmentSettings, card: Card) -> PanelRequest:
    """Take the snapshot that a job works on; called on the main thread.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds view and shapes.
    layer : napari.layers.Image
        The chosen image.
    settings : SegmentSettings
        Complete: `what_is_missing` has nothing to say.
    card : Card
        Of the chosen model.

    Raises
    ------
    BadInputError
        If the image has no such area, or `settings` are not complete.
    """
    if settings.model is None or settings.pixel_size is None:
        raise BadInputError("Choose a model and the pixel size first.")
    picture, box, mask = _area(viewer, layer, settings.scope)
    if math.prod(box.shape) > FINEST_PIXELS:
        picture, box, mask = _area(viewer, layer, settings.scope, card.pixel_size)
    if box.empty:
        raise BadInputError(OUT_OF_VIEW)
    step_y, step_x = (float(factor) for factor in picture.plane_factors)
    return PanelRequest(
        picture=picture,
        box=box,
        mask=mask,
        pixel_size=PixelSize(settings.pixel_size.y * step_y, settings.pixel_size.x * step_x),
        model=settings.model,
        device=settings.device,
        focus=_in_view(viewer, layer, picture, box),
        settings=settings.settings,
        tta=settings.tta,
        uncertainty=settings.uncertainty,
        probability=settings.probability,
        precision=settings.precision,
        skip_glass=settings.skip_glass,
    )


def _area(
    viewer: Any, layer: Any, scope: Scope, wanted: PixelSize | None = None
) -> tuple[Picture, Box, npt.NDArray[np.bool_] | None]:
    picture = picture_of(viewer, layer, wanted)
    if scope == "shapes":
        return picture, *selected_area(viewer, layer, picture)
    if scope == "view":
        return picture, view_box(viewer, layer, picture), None
    return picture, Box(0, 0, *picture.shape), None


def _in_view(viewer: Any, layer: Any, picture: Picture, box: Box) -> Box | None:
    if viewer.dims.ndisplay != 2:
        return None
    view = view_box(viewer, layer, picture).intersect(box)
    return None if view.empty else view
