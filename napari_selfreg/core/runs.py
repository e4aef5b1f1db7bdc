"""Label images as horizontal runs: few numbers per object instead of every pixel.

A run is a stretch of one row with one label. Areas, moments and sums of intensities follow from
runs in closed form, for all objects at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Runs:
    """The foreground runs of a label image in reading order.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        Object id, never 0.
    row, start, stop : ndarray of int64, shape (n,)
        Row, first column and column behind the last.
    """

    label: Ints
    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]

    @property
    def length(self) -> npt.NDArray[np.int64]:
        """Pixels per run."""
        return self.stop - self.start


def find_runs(labels: Ints) -> Runs:
    """Return the runs of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.

    Returns
    -------
    Runs
    """
    width = labels.shape[1]
    begins = np.ones(labels.shape, dtype=bool)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    first = np.flatnonzero(begins)
    behind = np.append(first[1:], labels.size)
    label = labels.ravel()[first]
    inside = label != 0
    first, behind = first[inside], behind[inside]
    row = first // width if width else first
    return Runs(label[inside], row, first - row * width, behind - row * width)


def sum_runs(runs: Runs, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return the sum of `values` over every run.

    Parameters
    ----------
    runs : Runs
        Of an image with the shape of `values`.
    values : ndarray of float, shape (Y, X)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    if not runs.row.size:
        return np.zeros(0)
    # reduceat sums from edge to edge; every second stretch lies between two runs.
    edges = np.empty(2 * runs.row.size, dtype=np.int64)
    offset = runs.row * values.shape[1]
    edges[0::2], edges[1::2] = offset + runs.start, offset + runs.stop
    flat = np.append(values.ravel(), values.dtype.type(0))
    return np.add.reduceat(flat, edges)[0::2].astype(np.float64)
