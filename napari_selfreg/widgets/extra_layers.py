"""Layers beside the objects, for those who ask for them: probabilities and uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.io.card import Card
from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import EXTRA, OWN_KEY
from napari_selfreg.widgets.placement import expand, placement
from napari_selfreg.widgets.segment_job import PanelRequest

_OPACITY = 0.6


def add_extra_layers(
    viewer: Any, layer: Any, request: PanelRequest, card: Card, result: Any
) -> list[Any]:
    """Add what was asked for beside the objects, hidden classes first.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to add them.
    layer : napari.layers.Image
        The image.
    request : PanelRequest
        Tells what is wanted.
    card : Card
        Names the classes.
    result : ObjectsResult
        Holds the values.

    Returns
    -------
    list of napari.layers.Image
        Exactly on the image; never offered as a picture to segment.
    """
    place = placement(layer, request.picture, (result.box.y0, result.box.x0))
    added = []
    for title, plane, colormap in _planes(request, card, result):
        with selection_kept(viewer):
            added.append(
                viewer.add_image(
                    expand(np.asarray(plane), request.picture),
                    name=f"{layer.name} {title}",
                    rgb=False,
                    colormap=colormap,
                    contrast_limits=(0, 1),
                    opacity=_OPACITY,
                    blending="translucent_no_depth",
                    metadata={OWN_KEY: EXTRA},
                    **place,
                )
            )
    return added


def _planes(
    request: PanelRequest, card: Card, result: Any
) -> Iterator[tuple[str, npt.NDArray[Any], str]]:
    if request.probability and result.probability is not None:
        names = [f"probability of {name}" for name in card.classes]
        names += ["probability of contour"] if card.separation else []
        # Colour scales that are read in the right order without colours, too.
        yield from zip(names, result.probability, ["viridis"] * len(names), strict=False)
    if request.uncertainty and result.uncertainty is not None:
        yield "uncertainty", result.uncertainty, "magma"
