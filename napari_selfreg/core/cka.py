"""Whether two networks say the same at the same places: centred kernel alignment."""

from __future__ import annotations

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.moments import Doubles, Maps

LEAST_PLACES = 4
"""Below it nothing can be said without bias."""


def linear_cka(a: Maps, b: Maps) -> float:
    """Return the linear CKA of two sets of channels at the same places, without its bias.

    Kornblith et al., "Similarity of neural network representations revisited", ICML 2019, with the
    unbiased estimate of the Hilbert-Schmidt independence criterion (Song et al., "Feature selection
    via dependence maximization", JMLR 13, 2012, equation 5) in its place, as in Nguyen et al., "Do
    wide and deep networks learn the same things?", ICLR 2021. The plain form calls any two networks
    alike that have about as many channels as there are places. CKA does not change when either
    side is rotated, mirrored, shifted or scaled as a whole, and is 1 if only that was done.

    Parameters
    ----------
    a : ndarray, shape (C, N)
        Channels of one block at N places.
    b : ndarray, shape (D, N)
        Channels of the other at the same places.

    Returns
    -------
    float
        1 if both say the same, about 0 (also a little below) if they have nothing in common; 0 if
        a side is constant.

    Raises
    ------
    BadInputError
        If the numbers of places differ, or are fewer than `LEAST_PLACES`.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise BadInputError(f"CKA compares the same places, not arrays of {a.shape} and {b.shape}.")
    if a.shape[1] < LEAST_PLACES:
        raise BadInputError(
            f"CKA needs at least {LEAST_PLACES} places, not {a.shape[1]}: look at a larger part."
        )
    left, right = _centred(a), _centred(b)
    own = _dependence(left, left) * _dependence(right, right)
    if own <= np.finfo(np.float64).tiny:
        return 0.0
    return float(np.clip(_dependence(left, right) / np.sqrt(own), -1.0, 1.0))


def _dependence(a: Doubles, b: Doubles) -> float:
    """Return the unbiased estimate of centred rows, times ``N (N - 3)``; 0 if it is rounding.

    The kernels ``K = A^T A`` and ``L = B^T B`` are never made: rows are centred, so that those of
    ``K`` sum to 0, and with their diagonals ``k`` and ``l`` left out to ``-k`` and ``-l``.
    """
    n = a.shape[1]
    k, l = np.square(a).sum(axis=0), np.square(b).sum(axis=0)  # noqa: E741 - as in the paper
    plain = float(np.square(a @ b.T).sum())
    pairs = n / (n - 2) * float(k @ l)
    whole = float(k.sum()) * float(l.sum()) / ((n - 1) * (n - 2))
    found = plain - pairs + whole
    return found if abs(found) > 1e-12 * (plain + pairs + whole) else 0.0


def _centred(rows: Maps) -> Doubles:
    values = rows.astype(np.float64)
    centred: Doubles = values - values.mean(axis=1, keepdims=True)
    # Constant rows leave only rounding.
    rounding = 1e-12 * np.abs(values).max(axis=1, initial=0.0, keepdims=True)
    return np.where(np.abs(centred) <= rounding, 0.0, centred)
