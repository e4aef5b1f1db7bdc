"""How doubtful a model is of each pixel of a picture, in the ways that *What next?* knows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Progress, TileDone, retold
from napari_selfreg.engine.forward import Floats
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict
from napari_selfreg.engine.residual import predict_residuals
from napari_selfreg.engine.tta import VIEWS, turn, turn_back
from napari_selfreg.engine.what_next_types import PictureRequest

MESSAGE = "Looking for places to correct"


@dataclass(frozen=True, slots=True, eq=False)
class DoubtMap:
    """Doubt and what it is about.

    Parameters
    ----------
    scores : ndarray of float32, shape (Y, X)
        The larger, the more a correction would teach; comparable within a strategy.
    foreground : ndarray of float32, shape (Y, X)
        Probability of any object; 0 where nothing was predicted.
    """

    scores: Floats
    foreground: Floats


def doubt_map(request: PictureRequest, model: Model) -> Generator[Event, None, DoubtMap]:
    """Find how doubtful a model is of a picture.

    Parameters
    ----------
    request : PictureRequest
        Checked.
    model : Model
        The one of the request, loaded.

    Yields
    ------
    Progress
        Closing the generator cancels after the current tile.

    Returns
    -------
    DoubtMap

    Raises
    ------
    BadInputError, DeviceError
        As `predict`.
    """
    if request.strategy == "entropy":
        return (yield from _entropy(request, model))
    if request.strategy == "tta":
        return (yield from _disagreement(request, model))
    if request.strategy == "scr":
        return (yield from _residual(request, model))
    shape = request.picture.shape[:2]
    # Their sum over a window has mean 0, however much of the window is left out.
    chance = np.random.default_rng(request.seed).standard_normal(shape, np.float32)
    return DoubtMap(chance, np.zeros(shape, np.float32))


def _entropy(request: PictureRequest, model: Model) -> Generator[Event, None, DoubtMap]:
    asked = PredictRequest(
        request.picture, request.pixel_size, model, device=request.device, uncertainty=True
    )
    found = yield from _told(asked, 0, 1)
    assert found.uncertainty is not None
    return DoubtMap(found.uncertainty, _foreground(found, model))


def _disagreement(request: PictureRequest, model: Model) -> Generator[Event, None, DoubtMap]:
    """Return the standard deviation over eight views, of all classes together."""
    shape = request.picture.shape[:2]
    n_classes, size = model.card.n_classes, request.pixel_size
    mean = np.zeros((n_classes, *shape), np.float32)
    spread = np.zeros_like(mean)
    for number, view in enumerate(VIEWS):
        turned = PixelSize(size.x, size.y) if view[0] % 2 else size
        picture = np.ascontiguousarray(turn(request.picture, view))
        asked = PredictRequest(picture, turned, model, device=request.device)
        found = yield from _told(asked, number, len(VIEWS))
        seen = turn_back(np.asarray(found.probability[:n_classes]), view)
        # Welford's way: squares of single precision would lose small differences.
        step = seen - mean
        mean += step / (number + 1)
        spread += step * (seen - mean)
    deviation = np.sqrt(spread.sum(axis=0) / len(VIEWS))
    return DoubtMap(deviation.astype(np.float32), mean.sum(axis=0))


def _residual(request: PictureRequest, model: Model) -> Generator[Event, None, DoubtMap]:
    """Return the mean over blocks, each of which counts the same over the whole picture."""
    job = predict_residuals(request.picture, request.pixel_size, model, request.device)
    found: Floats = yield from job
    residuals, foreground = found[:-1], found[-1]
    usual = residuals.mean(axis=(1, 2), keepdims=True)
    scores = (residuals / np.maximum(usual, 1e-12)).mean(axis=0)
    return DoubtMap(scores, foreground)


def _told(request: PredictRequest, part: int, parts: int) -> Generator[Event, None, Prediction]:
    """Predict, and tell progress as one part of several."""

    def tell(event: Event) -> Event | None:
        if not isinstance(event, TileDone):
            return None
        return Progress(part * event.total + event.done, parts * event.total, MESSAGE)

    return (yield from retold(predict(request), tell))


def _foreground(found: Prediction, model: Model) -> Floats:
    foreground: Floats = found.probability[: model.card.n_classes].sum(axis=0)
    return foreground
