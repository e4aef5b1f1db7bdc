"""Agreement of two foregrounds, pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer] | npt.NDArray[np.bool_]
"""A map of object ids or a mask, shape (y, x); nonzero is foreground."""


def dice(prediction: Labels, truth: Labels) -> float:
    """Return the Dice coefficient of the two foregrounds: 2 both / (prediction + truth).

    Parameters
    ----------
    prediction, truth : ndarray of int or bool, shape (y, x)
        Nonzero is foreground.

    Returns
    -------
    float
        In [0, 1]; 1 where both are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    known = known_dice(prediction, truth)
    return 1.0 if known is None else known


def known_dice(prediction: Labels, truth: Labels) -> float | None:
    """Return the Dice coefficient as `dice` does, but None where both are empty.

    Parameters
    ----------
    prediction, truth : ndarray of int or bool, any number of axes
        Nonzero is foreground.

    Returns
    -------
    float or None

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    both, either = _counts(prediction, truth)
    return 2 * both / (both + either) if either else None


def iou(prediction: Labels, truth: Labels) -> float:
    """Return the intersection over union (Jaccard index) of the two foregrounds.

    Parameters
    ----------
    prediction, truth : ndarray of int or bool, shape (y, x)
        Nonzero is foreground.

    Returns
    -------
    float
        In [0, 1]; 1 where both are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    both, either = _counts(prediction, truth)
    return both / either if either else 1.0


def check_shapes(prediction: Labels, truth: Labels) -> None:
    """Raise ValueError unless both maps lie on one grid."""
    if prediction.shape != truth.shape:
        raise ValueError(f"maps of one shape expected, got {prediction.shape} and {truth.shape}")


def _counts(prediction: Labels, truth: Labels) -> tuple[int, int]:
    check_shapes(prediction, truth)
    predicted, true = prediction != 0, truth != 0
    return int(np.count_nonzero(predicted & true)), int(np.count_nonzero(predicted | true))
