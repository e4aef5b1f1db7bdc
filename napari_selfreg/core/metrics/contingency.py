"""The table every object metric starts from: which objects share how many pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.metrics.overlap import Labels, check_shapes

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contingency:
    """Objects of two maps and their common pixels.

    Rows stand for predicted objects, columns for true ones, both in ascending order of their ids.
    Only pairs that touch are held: 800 x 800 nuclei have a few thousand of them.

    Parameters
    ----------
    prediction_areas, truth_areas : ndarray of int64, shape (objects,)
        Pixels of every object.
    rows, columns, common : ndarray of int64, shape (pairs,)
        Which two objects meet, and in how many pixels (at least 1).
    """

    prediction_areas: Counts
    truth_areas: Counts
    rows: Counts
    columns: Counts
    common: Counts

    @classmethod
    def of(cls, prediction: Labels, truth: Labels) -> Contingency:
        """Count the objects of two maps of one shape (ValueError otherwise)."""
        check_shapes(prediction, truth)
        _, predicted = renumbered(prediction)
        _, true = renumbered(truth)
        return cls._of_renumbered(predicted.ravel(), true.ravel())

    @classmethod
    def _of_renumbered(cls, predicted: Counts, true: Counts) -> Contingency:
        rows, columns = int(predicted.max(initial=0)), int(true.max(initial=0))
        hit = (predicted > 0) & (true > 0)
        keys = (predicted[hit] - 1) * columns + true[hit] - 1
        pairs, common = np.unique(keys, return_counts=True)
        return cls(
            np.bincount(predicted, minlength=rows + 1)[1:].astype(np.int64),
            np.bincount(true, minlength=columns + 1)[1:].astype(np.int64),
            pairs // max(columns, 1),
            pairs % max(columns, 1),
            common.astype(np.int64),
        )

    @property
    def unions(self) -> Counts:
        """Pixels in either object of every pair that meets."""
        return self.prediction_areas[self.rows] + self.truth_areas[self.columns] - self.common

    def best_truth(self) -> Counts:
        """For every predicted object the true one it shares most pixels with, -1 if none."""
        return _best(self.rows, self.columns, self.common, len(self.prediction_areas))

    def best_prediction(self) -> Counts:
        """For every true object the predicted one it shares most pixels with, -1 if none."""
        return _best(self.columns, self.rows, self.common, len(self.truth_areas))


def renumbered(labels: Labels) -> tuple[Counts, Counts]:
    """Return the ascending nonzero ids of a map, and the map with ids 1 … n in that order.

    Parameters
    ----------
    labels : ndarray of int or bool, shape (y, x)

    Returns
    -------
    ids : ndarray of int64, shape (n,)
    labels : ndarray of int64, shape (y, x)

    Raises
    ------
    ValueError
        If an id is negative.
    """
    whole = np.asarray(labels).astype(np.int64, copy=False)
    if int(whole.min(initial=0)) < 0:
        raise ValueError("object ids cannot be negative")
    high = int(whole.max(initial=0))
    numbers = np.zeros(whole.shape, dtype=np.int64)
    foreground = whole > 0
    if high > 4 * whole.size + 65_536:  # a table of all ids would not fit
        ids, inverse = np.unique(whole[foreground], return_inverse=True)
        numbers[foreground] = inverse + 1
        return ids, numbers
    present = np.bincount(whole[foreground], minlength=high + 1) > 0
    numbers[foreground] = np.cumsum(present)[whole[foreground]]
    return np.flatnonzero(present).astype(np.int64), numbers


def _best(of: Counts, partner: Counts, common: Counts, n: int) -> Counts:
    best = np.full(n, -1, dtype=np.int64)
    # the last write wins: most pixels last, and of equals the smallest id last
    order = np.lexsort((-partner, common))
    best[of[order]] = partner[order]
    return best
