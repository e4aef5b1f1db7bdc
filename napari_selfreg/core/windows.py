"""Which windows of a picture are worth looking at first, and what is doubtful in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.types import Box

Floats = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Doubt = Literal["outline", "missed", "false"]
"""An outline that may lie elsewhere, an object that may be missing, one that may be none."""

OPEN = 0.5
"""Part of a window that nobody has reviewed: with less there is too little left to correct."""

TISSUE = 0.2
"""Part of a window that is tissue and not reviewed."""

_STEPS = 4
"""Windows are tried at every quarter of their side."""

_BAND = 32
"""A side divided by this is how far from an outline a pixel still belongs to it."""


@dataclass(frozen=True, slots=True)
class RankedWindow:
    """A window and how much of what was looked for it holds.

    Parameters
    ----------
    box : Box
        In pixels of the picture.
    score : float
        Mean over all pixels of the window; reviewed ones count 0.
    """

    box: Box
    score: float


def rank_windows(
    scores: Floats, unreviewed: Mask, tissue: Mask, *, side: tuple[int, int], most: int
) -> tuple[RankedWindow, ...]:
    """Return the windows with the highest sums of scores, none over another.

    The best window is taken first, then the best of those that do not overlap it, and so on.

    Parameters
    ----------
    scores : ndarray of float, shape (Y, X)
        Finite; how much a correction of the pixel would teach.
    unreviewed : ndarray of bool, shape (Y, X)
        Pixels that count. A window needs at least the part `OPEN` of them.
    tissue : ndarray of bool, shape (Y, X)
        A window needs at least the part `TISSUE` of pixels that are tissue and count.
    side : (int, int)
        Height and width of a window in pixels, cut to those of the picture.
    most : int
        Largest number of windows.

    Returns
    -------
    tuple of RankedWindow
        By descending score; of equal ones the upper, then the left comes first.
    """
    height, width = (min(a, b) for a, b in zip(side, scores.shape, strict=True))
    rows, columns = (
        _starts(whole, part) for whole, part in zip(scores.shape, (height, width), strict=True)
    )

    def means(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        shares: npt.NDArray[np.float64] = _sums(values, rows, columns, height, width) / (
            height * width
        )
        return shares

    left = means(np.where(unreviewed, scores, 0))
    left[(means(unreviewed) < OPEN) | (means(unreviewed & tissue) < TISSUE)] = -np.inf
    found: list[RankedWindow] = []
    while len(found) < most and left.size and left.max() > -np.inf:
        at, to = divmod(int(left.argmax()), len(columns))
        y, x = int(rows[at]), int(columns[to])
        found.append(RankedWindow(Box(y, x, y + height, x + width), float(left[at, to])))
        near = np.ix_(np.abs(rows - y) < height, np.abs(columns - x) < width)
        left[near] = -np.inf
    return tuple(found)


def doubt_in(scores: Floats, foreground: Floats, box: Box) -> Doubt:
    """Return what most of a window's score belongs to.

    Parameters
    ----------
    scores : ndarray of float, shape (Y, X)
        As for `rank_windows`; what is below 0 counts 0.
    foreground : ndarray of float, shape (Y, X)
        Probability of any object, 0 … 1.
    box : Box
        The window.

    Returns
    -------
    {"outline", "missed", "false"}
        "outline" if at least half of it lies at an outline of the objects found, else "missed" or
        "false" by whether more of the rest lies outside or inside of them.
    """
    weights = np.maximum(scores[box.slices], 0)
    inside = foreground[box.slices] >= 0.5
    reach = max(1, max(box.shape) // _BAND)
    around = ndimage.distance_transform_cdt
    if inside.any() and not inside.all():
        band = np.where(inside, around(inside), around(~inside)) <= reach
        if 2 * weights[band].sum() >= weights.sum():
            return "outline"
        weights = np.where(band, 0, weights)
    return "false" if weights[inside].sum() > weights[~inside].sum() else "missed"


def _starts(whole: int, part: int) -> npt.NDArray[np.intp]:
    """Return where windows begin along an axis: evenly, and one at the very end."""
    last = whole - part
    return np.unique([*range(0, last + 1, max(1, part // _STEPS)), last]).astype(np.intp)


def _sums(
    values: npt.NDArray[Any],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    height: int,
    width: int,
) -> npt.NDArray[np.float64]:
    """Return the sum over each window."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(values, axis=0, dtype=np.float64, out=total[1:, 1:])
    np.cumsum(total, axis=1, out=total)
    below, right = rows + height, columns + width
    sums: npt.NDArray[np.float64] = (
        total[np.ix_(below, right)]
        - total[np.ix_(rows, right)]
        - total[np.ix_(below, columns)]
        + total[np.ix_(rows, columns)]
    )
    return sums
