"""Settings of the Segment panel: what is missing in them, and the request they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.areas import Scope, has_selected_shapes, selected_area, view_box
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.segment_job import PanelRequest

NO_IMAGE = "Open an image first: File > Open, File > Open Sample, or drop a file on the window."
NO_PIXEL_SIZE = (
    "The image does not say how large its pixels are: type the micrometres per pixel, or choose "
    "the magnification under “Set…”."
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
    """

    model: Path | None
    pixel_size: PixelSize | None
    scope: Scope
    device: str


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
    picture = picture_of(viewer, layer, card.pixel_size)
    mask = None
    if settings.scope == "shapes":
        box, mask = selected_area(viewer, layer, picture)
    elif settings.scope == "view":
        box = view_box(viewer, layer, picture)
    else:
        box = Box(0, 0, *picture.shape)
    if box.empty:
        raise BadInputError(OUT_OF_VIEW)
    step_y, step_x = picture.plane_factors
    size = PixelSize(settings.pixel_size.y * step_y, settings.pixel_size.x * step_x)
    return PanelRequest(picture, box, mask, size, settings.model, settings.device)
