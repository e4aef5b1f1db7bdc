"""How alike the channels of a block are, and in which order they are shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from napari_selfreg.core.moments import Doubles, Maps, Moments, moments

Similarity = npt.NDArray[np.float32]
Order = npt.NDArray[np.intp]

SMALLEST = 1e-12
"""Sum of squares below which a channel counts as dead."""


def channel_similarity(maps: Maps, centred: bool = False) -> Similarity:
    """Return the similarity of every pair of channels over space.

    Parameters
    ----------
    maps : ndarray, shape (C, *spatial)
        Activations.
    centred : bool, default False
        Subtract each channel's mean first (Pearson correlation). Without it (cosine) maps after
        a ReLU are never dissimilar, and similar wherever they are active nearly everywhere.

    Returns
    -------
    ndarray of float32, shape (C, C)
        Symmetric, from -1 to 1. A dead channel (centred: one without contrast) has similarity 0
        to all channels, itself included.
    """
    return similarity_of(moments(maps), centred)


def similarity_of(sums: Moments, centred: bool = False) -> Similarity:
    """Return the similarity of channels whose moments are known, see `channel_similarity`."""
    products = sums.covariance if centred else sums.gram
    squares = np.diagonal(products)
    # What rounding leaves of a constant channel is no contrast.
    least = np.maximum(SMALLEST, 1e-12 * sums.squares)
    alive = squares > least
    factors = np.where(alive, 1 / np.sqrt(np.where(alive, squares, 1)), 0)
    scaled = products * factors[:, None] * factors
    return np.clip(scaled, -1, 1).astype(np.float32)


def spread_keys(sums: Moments) -> Doubles:
    """Return the key (C,) by which IFD sorts channels: the mean over space of ``f / ||f||``.

    For maps after a ReLU it says how evenly a channel spreads over space: ``1 / sqrt(pixels)``
    for a constant map, 0 for a dead one.
    """
    norms = np.maximum(np.sqrt(np.maximum(sums.squares, 0)), SMALLEST)
    return sums.sums / norms / sums.pixels


def ifd_order(maps: Maps) -> Order:
    """Return the channels (C,) as IFD sorts them, largest key first.

    Zhu, Chen, Qiu et al., MICCAI 2024, doi 10.1007/978-3-031-72111-3_56, released code; the
    first half is the paper's "shallow" one, the second its "deep" one.
    """
    return order_of(moments(maps))


def order_of(sums: Moments) -> Order:
    """Return the order of IFD of channels whose moments are known."""
    return np.argsort(-spread_keys(sums), kind="stable")


def cluster_order(similarity: Similarity) -> Order:
    """Return channels (C,) ordered so that similar ones are neighbours.

    Parameters
    ----------
    similarity : ndarray, shape (C, C)
        As `channel_similarity` gives it.

    Returns
    -------
    ndarray of int, shape (C,)
        Leaves of the tree of average linkage on ``1 - similarity``, leaves ordered optimally.
    """
    if len(similarity) < 3:
        return np.arange(len(similarity))
    distance = 1 - similarity.astype(np.float64)
    np.fill_diagonal(distance, 0)
    condensed = squareform(np.maximum(distance, 0), checks=False)
    order: Order = leaves_list(linkage(condensed, "average", optimal_ordering=True))
    return order.astype(np.intp)


def halves(similarity: Similarity, order: Order) -> tuple[Similarity, Similarity]:
    """Return the matrices of the first and of the second half of the channels.

    So does Figure 1c of the paper, which calls them shallow and deep. With odd C the last channel
    of the order is left out, as in IFD.

    Parameters
    ----------
    similarity : ndarray, shape (C, C)
        As `channel_similarity` gives it.
    order : ndarray of int, shape (C,)
        Such as `ifd_order`.

    Returns
    -------
    tuple of ndarray, each of shape (C // 2, C // 2)
    """
    half = len(order) // 2
    first, second = order[:half], order[half : 2 * half]
    return similarity[np.ix_(first, first)], similarity[np.ix_(second, second)]
