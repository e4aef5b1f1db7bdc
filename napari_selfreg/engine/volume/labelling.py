"""From probabilities of a volume to class ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.forward import Floats

_SLAB = 16


def to_labels(probability: Floats, n_classes: int) -> npt.NDArray[np.int32]:
    """Return the likeliest class of every voxel; of equals the lowest.

    Parameters
    ----------
    probability : ndarray of float32, shape (K[+1], z, y, x)
        Probability of each foreground class; background is the rest.
    n_classes : int
        Foreground classes K.

    Returns
    -------
    ndarray of int32, shape (z, y, x)
        Class ids, 0 = background.
    """
    labels = np.zeros(probability.shape[1:], np.int32)
    for start in range(0, len(labels), _SLAB):  # so that no second volume of floats is made
        slab = probability[:n_classes, start : start + _SLAB]
        likely = slab.max(axis=0) > 1 - slab.sum(axis=0)
        labels[start : start + _SLAB][likely] = slab.argmax(axis=0)[likely] + 1
    return labels
