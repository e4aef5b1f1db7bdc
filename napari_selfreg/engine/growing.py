"""Probabilities that are read while they are still being written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class GrowingPlanes:
    """An output for `predict` that tells how many rows from the top are final.

    Every pixel must be written once, in any order: so a prediction does, whose tiles' cores cover
    the region once and hold what is certain.

    Parameters
    ----------
    values : ndarray of float, shape (C, y, x)
        Where the probabilities go.
    on_rows : callable
        Called with the number of rows from the top that hold all their values, whenever it has
        grown, in the thread that writes.
    """

    def __init__(self, values: Floats, on_rows: Callable[[int], None]) -> None:
        self.values = values
        self.shape = values.shape
        self._on_rows = on_rows
        self._missing = np.full(values.shape[1], values.shape[2], dtype=np.int64)
        self._final = 0

    def __setitem__(self, place: tuple[slice, slice, slice], values: Any) -> None:
        self.values[place] = values
        _, rows, columns = place
        self._missing[rows] -= len(range(*columns.indices(self.shape[2])))
        waiting = self._missing[self._final :] > 0
        new = int(waiting.argmax()) if waiting.any() else waiting.size
        if new:
            self._final += new
            self._on_rows(self._final)

    def any(self) -> bool:
        """Return whether something was found so far."""
        return bool(self.values.any())


@dataclass(frozen=True, eq=False)
class ObjectPlanes:
    """The planes that objects are made of, rows by rows, without a copy where that is possible.

    Parameters
    ----------
    values : ndarray of float, shape (K[+1], y, x)
        Each class, then the contour where there is one.
    n_classes : int
        K.
    mask : ndarray of bool, shape (y, x), optional
        Pixels that may belong to objects; all by default.
    """

    values: Floats
    n_classes: int
    mask: npt.NDArray[np.bool_] | None = None

    def __call__(self, rows: slice) -> tuple[Floats, Floats | None]:
        """Return the probability of any class, and of the contour, each of shape (rows, x)."""
        classes = self.values[: self.n_classes, rows]
        foreground = classes[0] if self.n_classes == 1 else classes.sum(axis=0)
        if self.mask is not None:
            foreground = np.where(self.mask[rows], foreground, 0).astype(foreground.dtype)
        contour = self.values[self.n_classes, rows] if len(self.values) > self.n_classes else None
        return foreground, contour
