"""Jobs that make objects anew from kept probabilities: of the view, and of everything."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box, PostProcessing
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.result_info import ResultInfo
from napari_selfreg.widgets.result_layer import on_plane


@dataclass(frozen=True, slots=True, eq=False)
class RelabelRequest:
    """A snapshot of a result and what to make of it.

    Parameters
    ----------
    info : ResultInfo
        With probabilities.
    settings : PostProcessing
        Wanted.
    picture : Picture
        What was segmented.
    window : Box
        The part in view, in pixels of `info.box`.
    """

    info: ResultInfo
    settings: PostProcessing
    picture: Picture
    window: Box


@dataclass(frozen=True, slots=True, eq=False)
class Relabelled:
    """Objects made anew.

    Parameters
    ----------
    labels : ndarray of int32, shape of `box`
        On the plane of the picture, unless that is too large.
    box : Box
        Where they lie in the picture.
    table : dict of str to ndarray
        Measurements, one row per object.
    settings : PostProcessing
        How they were made.
    """

    labels: npt.NDArray[np.int32]
    box: Box
    table: dict[str, npt.NDArray[Any]]
    settings: PostProcessing


def draft(request: RelabelRequest) -> Generator[Event, None, Any]:
    """Find the objects in view quickly.

    Returns
    -------
    Draft
    """
    from napari_selfreg.core.relabel import draft_objects

    yield Progress(0, 0)
    return draft_objects(_probabilities(request.info), request.settings, request.window)


def relabel(request: RelabelRequest) -> Generator[Event, None, Relabelled]:
    """Find and measure all objects, as the engine does after inference.

    Returns
    -------
    Relabelled
    """
    from napari_selfreg.core.measurements import measure_objects
    from napari_selfreg.core.relabel import find_objects
    from napari_selfreg.core.views import BoxView

    info = request.info
    found = _probabilities(info)
    yield Progress(0, 0, "Separating objects")
    labels = find_objects(found, request.settings)
    yield Progress(0, 0, "Measuring objects")
    rgb = BoxView(request.picture.colours(), info.box)
    table = measure_objects(labels, rgb, found.classes, info.label_size, info.classes)
    yield Progress(0, 0, "Placing objects")
    labels, box = on_plane(labels, info.box, request.picture.shape)
    return Relabelled(labels, box, table, request.settings)


def _probabilities(info: ResultInfo) -> Any:
    from napari_selfreg.core.relabel import Probabilities

    assert info.probability is not None  # only such results are relabelled
    return Probabilities(info.probability, len(info.classes), info.label_size)
