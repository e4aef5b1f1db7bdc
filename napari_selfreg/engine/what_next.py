"""Job: find the windows in which a correction would teach a model most."""

from __future__ import annotations

from collections.abc import Generator
from zlib import crc32

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import model_shape
from napari_selfreg.core.tissue import tissue_mask
from napari_selfreg.core.types import Box
from napari_selfreg.core.windows import Doubt, doubt_in, rank_windows
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.doubt import DoubtMap, doubt_map
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.predict import model_for_pictures, region_of
from napari_selfreg.engine.what_next_types import (
    WINDOW,
    PictureRequest,
    Strategy,
    Suggestion,
    WhatNextRequest,
)
from napari_selfreg.io.project.pictures import read_picture
from napari_selfreg.io.project.reviewed import reviewed_mask

REASONS: dict[Doubt, str] = {
    "outline": "Undecided outline here.",
    "missed": "An object may be missing here.",
    "false": "What was found here may be no object.",
}
CHANCE = "A place chosen by chance."


def what_next(request: WhatNextRequest) -> Generator[Event, None, tuple[Suggestion, ...]]:
    """Rank windows in the unreviewed parts of fields.

    Yields
    ------
    Progress, Notice
        A field that cannot be read is told and passed over.

    Returns
    -------
    tuple of Suggestion
        By descending score over all fields.

    Raises
    ------
    BadInputError
        If the strategy is unknown.
    BadModelError
        If the model cannot be read or is not for RGB pictures.
    DeviceError
        If the device is unknown, absent or out of memory.
    """
    model = model_for_pictures(request.model)
    found: list[Suggestion] = []
    for identity in request.fields:
        yield Progress(0, 0, "Reading the image")
        record = request.project.field(identity)
        reviewed = reviewed_mask(request.project.facts(identity).regions.values(), record)
        if reviewed.all():
            continue
        try:
            picture = read_picture(request.project, identity)
        except BadInputError as error:
            yield Notice(str(error))
            continue
        asked = PictureRequest(
            picture,
            record.label_size,
            model,
            reviewed,
            request.strategy,
            request.most,
            request.device,
            request.seed + crc32(identity.encode()),
        )
        found += yield from what_next_in(asked, identity)
    return tuple(sorted(found, key=lambda one: -one.score))


def what_next_in(
    request: PictureRequest, field: str = ""
) -> Generator[Event, None, tuple[Suggestion, ...]]:
    """Rank windows of one picture, none over another.

    Parameters
    ----------
    request : PictureRequest
    field : str
        Written into the suggestions.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    tuple of Suggestion
        By descending score; empty if nothing unreviewed is left that shows tissue.

    Raises
    ------
    BadInputError, BadModelError, DeviceError
        As `what_next`.
    """
    request.check()
    region_of(request.picture, None)
    model = model_for_pictures(request.model)
    doubt = yield from doubt_map(request, model)
    shape = doubt.scores.shape
    unreviewed = np.ones(shape, bool) if request.reviewed is None else ~request.reviewed
    ranked = rank_windows(
        doubt.scores,
        unreviewed,
        tissue_mask(request.picture),
        side=_side(request, model),
        most=request.most,
    )
    scores = np.where(unreviewed, doubt.scores, 0)
    seen = DoubtMap(scores, doubt.foreground)
    return tuple(
        Suggestion(one.box, one.score, _reason(seen, one.box, request.strategy), field)
        for one in ranked
    )


def _side(request: PictureRequest, model: Model) -> tuple[int, int]:
    """Return the size of a window of the model in pixels of the picture."""
    height, width = model_shape((WINDOW, WINDOW), model.card.pixel_size, request.pixel_size)
    return height, width


def _reason(doubt: DoubtMap, box: Box, strategy: Strategy) -> str:
    if strategy == "random":
        return CHANCE
    return REASONS[doubt_in(doubt.scores, doubt.foreground, box)]
