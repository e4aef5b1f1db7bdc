"""Aggregated Jaccard index and panoptic quality, the usual scores for nuclei."""

from __future__ import annotations

import numpy as np

from napari_selfreg.core.metrics.contingency import Contingency
from napari_selfreg.core.metrics.overlap import Labels


def aji(prediction: Labels, truth: Labels) -> float:
    """Return the aggregated Jaccard index of nuclei.

    Kumar et al. 2017, https://doi.org/10.1109/TMI.2017.2677499.

    Every true object is joined with the predicted object of the highest IoU. The intersections are
    summed, and so are the unions; true objects without a partner and predicted objects that nobody
    chose add their area to the unions. As in the paper, one predicted object may be chosen by
    several true ones (AJI+ forbids that).

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (y, x)
        Object ids, 0 = background.

    Returns
    -------
    float
        In [0, 1]; 1 where both maps are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    table = Contingency.of(prediction, truth)
    unions = table.unions
    best = np.full(len(table.truth_areas), -1, dtype=np.int64)
    # the last write wins: the highest IoU last, and of equals the smallest id last
    order = np.lexsort((-table.rows, table.common / np.maximum(unions, 1)))
    best[table.columns[order]] = order
    chosen = best[best >= 0]
    used = np.zeros(len(table.prediction_areas), dtype=bool)
    used[table.rows[chosen]] = True
    union = int(unions[chosen].sum())
    union += int(table.truth_areas[best < 0].sum() + table.prediction_areas[~used].sum())
    return int(table.common[chosen].sum()) / union if union else 1.0


def pq(prediction: Labels, truth: Labels) -> float:
    """Return the panoptic quality for one class.

    Kirillov et al. 2019, https://arxiv.org/abs/1801.00868.

    Objects match where their IoU exceeds 0.5, which makes matches unique. The sum of the matches'
    IoU is divided by matches + half of all objects left over.

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (y, x)
        Object ids, 0 = background.

    Returns
    -------
    float
        In [0, 1]; 1 where both maps are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    table = Contingency.of(prediction, truth)
    objects = len(table.prediction_areas) + len(table.truth_areas)
    if objects == 0:
        return 1.0
    ious = table.common / np.maximum(table.unions, 1)
    # with m matches: m + (predicted - m) / 2 + (true - m) / 2 = objects / 2
    return float(ious[2 * table.common > table.unions].sum() / (objects / 2))
