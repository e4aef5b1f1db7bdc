"""How sure a mean over images is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its interval, ``low <= high``, in the unit of the values."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float] | npt.NDArray[np.floating],
    seed: int = 0,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean over images with its percentile bootstrap interval.

    As many values as there are images are drawn with replacement, `resamples` times; the interval
    is cut from the means of those draws (Efron & Tibshirani 1993, chapter 13). It speaks of other
    images drawn in the same way, not of other trainings, and with one image it has no width.

    Parameters
    ----------
    values : sequence of float, shape (images,)
        One finite score per image.
    seed : int, optional
        Same seed and values, same interval.
    resamples : int, optional
        How many times to draw.
    confidence : float, optional
        Part of the draws inside the interval, in (0, 1).

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.
    """
    scores = np.asarray(values, dtype=np.float64).ravel()
    if not scores.size or not np.all(np.isfinite(scores)):
        raise ValueError("at least one score, and finite ones, are needed")
    # Not scipy.stats.bootstrap: it refuses a single image, and some of its limits differ in their
    # last bit from those that cards and tables hold.
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK // scores.size)  # bounds the memory for thousands of images
    means = [
        scores[
            generator.integers(scores.size, size=(min(rows, resamples - done), scores.size))
        ].mean(axis=1)
        for done in range(0, resamples, rows)
    ]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return Interval(float(scores.mean()), float(low), float(high))
