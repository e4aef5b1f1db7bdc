"""Two methods on the same images: how much they differ, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from napari_selfreg.core.bootstrap import mean_interval

EXACT_UP_TO = 13
"""So many differences have at most 8192 patterns of signs, which are all looked at."""

_Scores = Sequence[float] | npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Means of both methods and their difference, in the unit of the scores.

    Parameters
    ----------
    a, b : float
        Means over images.
    difference : float
        Mean of b - a: above 0, b scores higher.
    low, high : float
        95 % bootstrap interval of the difference.
    p : float
        Two-sided, of the Wilcoxon signed-rank test; in (0, 1].
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float


def paired_difference(a: _Scores, b: _Scores, seed: int = 0) -> PairedDifference:
    """Compare two methods by their scores on the same images.

    Parameters
    ----------
    a, b : sequence of float, shape (images,)
        Finite scores, in the same order of images.
    seed : int, optional
        Of the bootstrap, see `core.bootstrap.mean_interval`.

    Returns
    -------
    PairedDifference

    Raises
    ------
    ValueError
        If there is no score, one is not finite, or the numbers of scores differ.
    """
    first, second = (np.asarray(scores, dtype=np.float64).ravel() for scores in (a, b))
    if first.size != second.size:
        raise ValueError("both methods need one score for each image")
    differences = second - first
    interval = mean_interval(differences, seed)
    return PairedDifference(
        a=float(first.mean()),
        b=float(second.mean()),
        difference=interval.mean,
        low=interval.low,
        high=interval.high,
        p=signed_rank_p(differences),
    )


def signed_rank_p(differences: _Scores) -> float:
    """Return the two-sided p value of the Wilcoxon signed-rank test (Wilcoxon 1945).

    Images without a difference are left out, as Wilcoxon did. Where none is left the methods
    cannot be told apart, and p is 1. Up to `EXACT_UP_TO` differences every pattern of signs is
    counted, so that ties do no harm: fewer than 6 differences never reach 0.05, and a single one
    gives 1. With more, scipy chooses the exact distribution or, with ties, the normal one.

    Parameters
    ----------
    differences : sequence of float, shape (images,)
        Finite.

    Returns
    -------
    float
        In (0, 1].
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    values = values[values != 0]
    if values.size < 2:  # scipy permutes from two on; the two signs of one are equally likely
        return 1.0
    if values.size <= EXACT_UP_TO:
        every_pattern = stats.PermutationMethod(n_resamples=2**EXACT_UP_TO)
        return float(stats.wilcoxon(values, method=every_pattern).pvalue)
    return float(stats.wilcoxon(values).pvalue)
