"""Whether two networks say the same at the same places: centred kernel alignment."""

from __future__ import annotations

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.moments import Maps


def linear_cka(a: Maps, b: Maps) -> float:
    """Return the linear CKA of two sets of channels at the same places.

    Kornblith et al., "Similarity of neural network representations revisited", ICML 2019:
    ``||A B^T||^2 / (||A A^T|| ||B B^T||)`` of centred rows, Frobenius norms. It does not change
    when either side is rotated, mirrored or scaled as a whole, and is 1 if only that was done.

    Parameters
    ----------
    a : ndarray, shape (C, N)
        Channels of one block at N places.
    b : ndarray, shape (D, N)
        Channels of the other at the same places.

    Returns
    -------
    float
        From 0 to 1; 0 if a side is constant.

    Raises
    ------
    BadInputError
        If the numbers of places differ.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise BadInputError(f"CKA compares the same places, not arrays of {a.shape} and {b.shape}.")
    left, right = _centred(a), _centred(b)
    own = float(np.linalg.norm(left @ left.T)) * float(np.linalg.norm(right @ right.T))
    if own <= np.finfo(np.float64).tiny:
        return 0.0
    return min(1.0, float(np.linalg.norm(left @ right.T)) ** 2 / own)


def _centred(rows: Maps) -> Maps:
    values = rows.astype(np.float64)
    centred: Maps = values - values.mean(axis=1, keepdims=True)
    # Constant rows leave only rounding.
    rounding = 1e-12 * np.abs(values).max(axis=1, initial=0.0, keepdims=True)
    return np.where(np.abs(centred) <= rounding, 0.0, centred)
