"""Work through a large label image in pieces that hold whole objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.runs import find_runs

BAND_PIXELS = 1 << 21
"""Small enough for the caches of a processor, large enough to make loops cheap."""


def object_bands(
    labels: npt.NDArray[np.integer[Any]], pixels: int = BAND_PIXELS
) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """Group objects by the row in which they begin.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    pixels : int
        Pixels of the rows in which the objects of one piece begin. A piece is larger where they
        reach further down.

    Yields
    ------
    rows : slice
        Rows of the piece; the rows of two pieces may overlap.
    piece : ndarray of int, shape (rows, X)
        `labels` of these rows, without the objects of other pieces. Every object is in exactly
        one piece.
    """
    step = max(1, pixels // max(1, labels.shape[1]))
    ids, top, bottom = _row_ranges(labels, step)
    band = top // step
    for number in np.unique(band):
        here = band == number
        rows = slice(int(top[here].min()), int(bottom[here].max()) + 1)
        piece = labels[rows]
        if not here.all():
            piece = np.where(np.isin(piece, ids[here]), piece, 0)
        yield rows, piece


def _row_ranges(
    labels: npt.NDArray[np.integer[Any]], step: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the ids, and the first and last row of each, looking at `step` rows at a time."""
    found = [np.zeros((3, 0), dtype=np.int64)]
    for begin in range(0, labels.shape[0], step):
        runs = find_runs(labels[begin : begin + step])
        seen, first, position = np.unique(runs.label, return_index=True, return_inverse=True)
        last = np.zeros(seen.size, dtype=np.int64)
        np.maximum.at(last, position, runs.row)
        found.append(np.stack([seen, runs.row[first] + begin, last + begin]))
    label, top, bottom = np.concatenate(found, axis=1)
    # No table of all numbers up to the highest: somebody may have named an object 99999999.
    ids, first, position = np.unique(label, return_index=True, return_inverse=True)
    last = np.zeros(ids.size, dtype=np.int64)
    np.maximum.at(last, position, bottom)
    return ids, top[first], last
