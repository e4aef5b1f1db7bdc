"""Objects from kept probabilities: with other settings, without asking the network again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.objects import Floats, Labels, label_objects
from napari_selfreg.core.types import Box, PixelSize, PostProcessing

DRAFT_PIXELS = 160_000
"""A draft has about this many pixels at most: it must be there while a slider moves."""

_MARGIN = 0.1
"""A draft looks this much further than its window, so that objects at its rim are whole."""

_LEAST_MARGIN = 16


@dataclass(frozen=True, slots=True, eq=False)
class Probabilities:
    """What a network has found, and how to read it.

    Parameters
    ----------
    values : ndarray of float, shape (K[+1], y, x)
        Each class, then the contour where there is one.
    n_classes : int
        K.
    pixel_size : PixelSize
        Of `values`.
    """

    values: npt.NDArray[np.floating[Any]]
    n_classes: int
    pixel_size: PixelSize

    @property
    def classes(self) -> npt.NDArray[np.floating[Any]]:
        """Probability of each class, shape (K, y, x)."""
        return self.values[: self.n_classes]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.values.shape[1]), int(self.values.shape[2])

    def part(self, box: Box, step: int = 1) -> Probabilities:
        """Return every `step`-th row and column of a box."""
        rows, columns = box.slices
        size = PixelSize(self.pixel_size.y * step, self.pixel_size.x * step)
        thinned = self.values[:, rows, columns][:, ::step, ::step]
        return Probabilities(thinned, self.n_classes, size)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Objects of a window, quickly.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        Ids of no meaning beyond this draft.
    box : Box
        The window, in pixels of the probabilities.
    step : int
        Pixels of the probabilities per pixel of `labels`.
    """

    labels: Labels
    box: Box
    step: int


def find_objects(found: Probabilities, settings: PostProcessing) -> Labels:
    """Return the objects of probabilities, shape (y, x); ids 1 … n in reading order.

    Parameters
    ----------
    found : Probabilities
        Half precision is as good as any.
    settings : PostProcessing
        How they become objects.

    Returns
    -------
    ndarray of int32, shape (y, x)
    """
    classes = found.classes
    foreground: Floats = _single(classes[0] if len(classes) == 1 else classes.sum(axis=0))
    contour = _single(found.values[found.n_classes]) if _has_contour(found) else None
    return label_objects(foreground, contour, settings, found.pixel_size)


def draft_objects(
    found: Probabilities,
    settings: PostProcessing,
    window: Box,
    most_pixels: int = DRAFT_PIXELS,
) -> Draft:
    """Return the objects in a window; a large window is looked at less closely.

    Parameters
    ----------
    found : Probabilities
        Of the whole result.
    settings : PostProcessing
        How they become objects.
    window : Box
        What is in view, in pixels of `found`.
    most_pixels : int
        About how many pixels to look at.

    Returns
    -------
    Draft
        At step 1 its objects are those of `find_objects`, except where they reach far beyond the
        window.
    """
    whole = Box(0, 0, *found.shape)
    window = window.intersect(whole)
    step = max(1, math.ceil(math.sqrt(math.prod(window.shape) / most_pixels)))
    margin = max(_LEAST_MARGIN * step, round(_MARGIN * max(window.shape)))
    margin = -(-margin // step) * step  # so that the window begins on a pixel of the draft
    top, left = _before(window.y0, margin, step), _before(window.x0, margin, step)
    seen = Box(top, left, window.y1 + margin, window.x1 + margin).intersect(whole)
    labels = find_objects(found.part(seen, step), settings)
    y, x = (window.y0 - top) // step, (window.x0 - left) // step
    rows, columns = (-(-side // step) for side in window.shape)
    return Draft(labels[y : y + rows, x : x + columns], window, step)


def _before(start: int, margin: int, step: int) -> int:
    """Return the first pixel to look at: whole steps before `start`, inside the picture."""
    return start - min(margin, start // step * step)


def _has_contour(found: Probabilities) -> bool:
    return len(found.values) > found.n_classes


def _single(plane: npt.NDArray[np.floating[Any]]) -> Floats:
    """Half precision is for keeping: arithmetic on it is slow."""
    return plane.astype(np.float32) if plane.dtype == np.float16 else plane
