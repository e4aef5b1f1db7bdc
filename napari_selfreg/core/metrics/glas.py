"""Object F1 and object Dice as the GlaS contest defines them.

Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS challenge contest,
Medical Image Analysis 35 (2017), https://doi.org/10.1016/j.media.2016.08.008, section 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.metrics.contingency import Contingency, Counts
from napari_selfreg.core.metrics.overlap import Labels


def object_f1(prediction: Labels, truth: Labels) -> float:
    """Return the detection F1 of the GlaS contest.

    The truth of a predicted object is the true object it shares most pixels with. The prediction is
    a true positive if it covers at least half of that object's pixels (the paper's rule; the
    contest's program asks for more than half), and then that object is found. One true object
    counts once, however many predictions cover half of it.

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (y, x)
        Object ids, 0 = background.

    Returns
    -------
    float
        2 TP / (predicted + true objects), in [0, 1]; 1 where both maps are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    table = Contingency.of(prediction, truth)
    objects = len(table.prediction_areas) + len(table.truth_areas)
    if objects == 0:
        return 1.0
    is_best = table.best_truth()[table.rows] == table.columns
    covers = 2 * table.common >= table.truth_areas[table.columns]
    found = len(np.unique(table.columns[is_best & covers]))
    return 2 * found / objects


def object_dice(prediction: Labels, truth: Labels) -> float:
    """Return the object Dice of the GlaS contest.

    Half of the sum over predicted objects of their Dice to the true object they share most pixels
    with, weighted by area, plus half of the same sum over true objects. An object that meets none
    adds 0.

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (y, x)
        Object ids, 0 = background.

    Returns
    -------
    float
        In [0, 1]; 1 where both maps are empty, 0 where one is.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    table = Contingency.of(prediction, truth)
    if not len(table.prediction_areas) and not len(table.truth_areas):
        return 1.0
    sums = table.prediction_areas[table.rows] + table.truth_areas[table.columns]
    scores = 2 * table.common / sums
    by_prediction = table.best_truth()[table.rows] == table.columns
    by_truth = table.best_prediction()[table.columns] == table.rows
    return 0.5 * (
        _weighted(scores[by_prediction], table.rows[by_prediction], table.prediction_areas)
        + _weighted(scores[by_truth], table.columns[by_truth], table.truth_areas)
    )


def _weighted(scores: npt.NDArray[np.float64], objects: Counts, areas: Counts) -> float:
    return float(np.sum(scores * areas[objects]) / max(int(areas.sum()), 1))
