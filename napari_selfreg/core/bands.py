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
    runs = find_runs(labels)
    ids, first, position = np.unique(runs.label, return_index=True, return_inverse=True)
    if not ids.size:
        return
    top = runs.row[first]
    bottom = np.zeros(ids.size, dtype=np.int64)
    np.maximum.at(bottom, position, runs.row)
    step = max(1, pixels // labels.shape[1])
    band = top // step
    for number in np.unique(band):
        here = band == number
        rows = slice(int(top[here].min()), int(bottom[here].max()) + 1)
        piece = labels[rows]
        if not here.all():
            wanted = np.zeros(int(ids[-1]) + 1, dtype=bool)
            wanted[ids[here]] = True
            piece = np.where(wanted[piece], piece, 0)
        yield rows, piece
