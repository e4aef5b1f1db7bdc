"""In which order the channels of a block are looked at."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.channels import channel_similarity, cluster_order

Ranking = Literal["activation", "importance", "similarity"]


def rank_channels(
    maps: npt.NDArray[np.floating],
    by: Ranking,
    importance: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.intp]:
    """Return the channels of a block in the order in which they are looked at.

    Parameters
    ----------
    maps : ndarray of float, shape (C, *spatial)
        Activations.
    by : {"activation", "importance", "similarity"}
        Mean absolute activation, highest first; `importance`, highest first; or channels that are
        alike next to each other.
    importance : ndarray of float, shape (C,), optional
        Of each channel for a class; without it the order is that of the activation.

    Returns
    -------
    ndarray of int, shape (C,)
        Each channel once; equal ones in their own order.
    """
    if by == "similarity" and len(maps) > 2:
        return np.asarray(cluster_order(channel_similarity(maps)), np.intp)
    if by == "importance" and importance is not None:
        keys = np.asarray(importance, np.float64)
    else:
        space = tuple(range(1, maps.ndim))
        keys = np.abs(maps).mean(axis=space, dtype=np.float64)
    return np.argsort(-keys, kind="stable")
