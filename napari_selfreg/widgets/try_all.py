"""The job of *Try all*: every fitting model on the current view, one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_selfreg.core.stain_gap import too_coarse
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io import terms
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.model_entries import ModelEntry
from napari_selfreg.widgets.segment_job import PanelRequest, segment_request, start_engine
from napari_selfreg.widgets.sentences import describe_failure

PREVIEW_SIDE = 340
MOST_MODEL_PIXELS = 1_500_000
"""Of a larger view only the middle is tried, so that nobody waits long."""

_OUTLINE = (255, 255, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model and what speaks against trying it.

    Parameters
    ----------
    path : Path
        The bundle.
    card : Card
        What it is.
    reason : str
        Why it is not tried; empty if it is.
    unread : bool
        Whether that is only because nobody has read its terms yet.
    """

    path: Path
    card: Card
    reason: str = ""
    unread: bool = False

    def read(self) -> Candidate:
        """Note that its terms were read; return it as one that is tried."""
        terms.remember(self.card.name)
        return replace(self, reason="", unread=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tried(Event):
    """One model has been tried.

    Parameters
    ----------
    path : Path
        The bundle.
    picture : ndarray of uint8, shape (y, x, 3), or None
        The view with the outlines of what was found; None if it failed.
    words : str
        Number of objects and time, or what went wrong.
    """

    path: Path
    picture: npt.NDArray[np.uint8] | None
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class TryRequest:
    """What to try, and where.

    Parameters
    ----------
    request : PanelRequest
        A request for the view; its model is exchanged.
    candidates : tuple of Candidate
        Those with a reason are left out.
    """

    request: PanelRequest
    candidates: tuple[Candidate, ...]


def find_candidates(entries: Sequence[ModelEntry], size: PixelSize) -> tuple[Candidate, ...]:
    """Return all usable models, with a reason for those that do not fit an image.

    Parameters
    ----------
    entries : sequence of ModelEntry
        Of the list.
    size : PixelSize
        Of the image.
    """
    return tuple(
        _candidate(entry.path, entry.card, size) for entry in entries if entry.card is not None
    )


def _candidate(path: Path, card: Card, size: PixelSize) -> Candidate:
    reason = _reason(card, size)
    unread = not reason and card.research_only and terms.needs_notice(card.name)
    words = f"{card.terms or 'Research only.'} Click to accept these terms, then it is tried."
    return Candidate(path, card, words if unread else reason, unread)


def _reason(card: Card, size: PixelSize) -> str:
    if card.spatial_dims != 2 or card.in_channels != 3:
        return "Not for colour pictures."
    if too_coarse(size.mean, card.pixel_size.mean):
        return (
            f"Needs about {card.pixel_size.mean:.3g} µm per pixel; this image has "
            f"{size.mean:.3g}, which is too coarse."
        )
    return ""


def try_all(request: TryRequest) -> Generator[Event, None, None]:
    """Segment the view with one model after the other; a failure does not stop the rest.

    Yields
    ------
    Tried
        For every candidate without a reason, and the engine's events between.
    """
    yield from start_engine()
    image = request.request.picture.colours()
    for candidate in request.candidates:
        if not candidate.reason:
            yield Progress(0, 0, f"Trying {candidate.card.title}")
            yield (yield from _one(request.request, candidate, image))


def _one(request: PanelRequest, candidate: Candidate, image: Any) -> Generator[Event, None, Tried]:
    from napari_selfreg.engine.segment import segment_array

    began = time.perf_counter()
    box = middle(request.box, request.pixel_size, candidate.card.pixel_size)
    one = replace(request, model=candidate.path, box=box, mask=None, focus=None, settings=None)
    try:
        found = yield from segment_array(segment_request(one, image))
    except Exception as error:  # noqa: BLE001 - one bad model must not hide the others
        return Tried(candidate.path, None, describe_failure(error))
    rows, columns = found.box.slices
    picture = outlined(np.asarray(image[rows, columns]), found.labels)
    count = len(found.table["index"])
    objects = "1 object" if count == 1 else f"{count} objects"
    return Tried(candidate.path, picture, f"{objects}, {time.perf_counter() - began:.1f} s")


def middle(box: Box, size: PixelSize, wanted: PixelSize) -> Box:
    """Return the middle of a box, with at most `MOST_MODEL_PIXELS` on a model's grid."""
    seen = math.prod(box.shape) * size.area_um2 / wanted.area_um2
    share = min(1.0, math.sqrt(MOST_MODEL_PIXELS / max(seen, 1.0)))
    rows, columns = (math.floor(side * (1 - share) / 2) for side in box.shape)
    return Box(box.y0 + rows, box.x0 + columns, box.y1 - rows, box.x1 - columns)


def outlined(rgb: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Return a small picture with bright outlines of all objects.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (Y, X, 3)
        The picture.
    labels : ndarray of int32, shape (Y, X)
        Objects.

    Returns
    -------
    ndarray of uint8, shape (y, x, 3)
        Sides of at most `PREVIEW_SIDE`.
    """
    scale = PREVIEW_SIDE / max(rgb.shape[:2])
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(rgb, (width, height), interpolation=method)
    ids = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    edge = np.zeros(ids.shape, bool)
    down, right = ids[1:] != ids[:-1], ids[:, 1:] != ids[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    small[edge] = _OUTLINE
    return np.ascontiguousarray(small, dtype=np.uint8)
