"""A prediction that a person may end early, keeping what is finished."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from napari_selfreg.core.types import Box
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, TileDone
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict, region_of

NOTHING = "Stopped before any part was finished."


def predict_until(
    request: PredictRequest, model: Model, enough: Callable[[], bool] | None = None
) -> Generator[Event, None, Prediction]:
    """Predict until everything is done or `enough` says so.

    Parameters
    ----------
    request : PredictRequest
        What to predict.
    model : Model
        The one of the request, loaded.
    enough : callable, optional
        Asked after every tile, in the thread of the job.

    Yields
    ------
    Event
        As `predict`.

    Returns
    -------
    Prediction
        When it was ended early: 0 where nothing was predicted, without uncertainty, and a note
        that says how much was finished.
    """
    if enough is None:
        return (yield from predict(request))
    region = region_of(request.image, request.region)
    channels = model.card.n_classes + (model.card.separation == "contour")
    out = request.out
    if out is None:
        out = np.zeros((channels, *region.shape), np.float32)
    job = predict(replace(request, out=out))
    done = 0
    try:
        while not (done and enough()):
            event = next(job)
            if isinstance(event, TileDone):
                done += math.prod(event.box.shape)
            yield event
    except StopIteration as end:
        finished: Prediction = end.value
        return finished
    finally:
        job.close()
    return Prediction(out, region, notes=(_note(done, region, bool(out.any())),))


def _note(done: int, region: Box, found: bool) -> str:
    if not found:
        # Networks whose tiles overlap write only at their end.
        return NOTHING
    share = min(99, max(1, round(100 * done / math.prod(region.shape))))
    return f"Stopped early: objects of the finished part, {share} % of the area, are shown."
