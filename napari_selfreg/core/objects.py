"""From probabilities to objects: threshold, cut touching ones, fill holes, drop specks.

Objects are 4-connected, so that their outlines are valid polygons. All sizes are physical:
the same tissue gives the same objects at every pixel size.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.runs import find_runs, sum_runs
from napari_selfreg.core.separation import separate
from napari_selfreg.core.types import PixelSize, PostProcessing

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int32]

_ROUNDING = 1e-9
"""Sizes that differ by less are equal: areas in µm² come from products of floats."""


def label_objects(
    foreground: Floats,
    contour: Floats | None,
    settings: PostProcessing,
    pixel_size: PixelSize,
) -> Labels:
    """Turn probabilities into numbered objects.

    Pixels at or above the threshold are foreground. Touching objects are cut by a watershed: along
    ridges of the contour's probability, or, without a contour, where the shape has a neck. Then
    enclosed holes are filled and specks removed.

    Parameters
    ----------
    foreground : ndarray of float, shape (Y, X)
        Probability of any foreground class.
    contour : ndarray of float, shape (Y, X), or None
        Probability of lying on the inner side of an outline.
    settings : PostProcessing
        Threshold, sizes in µm² and how readily objects are cut.
    pixel_size : PixelSize
        Of the arrays.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 = background, objects 1 … n in the order in which rows meet them.
    """
    mask = np.asarray(foreground >= settings.threshold)
    labels = separate(mask, foreground, contour, settings.separation, pixel_size)
    return number_objects(tidy_objects(labels, settings, pixel_size))


def object_classes(labels: Labels, class_probabilities: Floats) -> npt.NDArray[np.intp]:
    """Return the most probable class of every object.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    class_probabilities : ndarray of float, shape (K, Y, X)
        Probability of each foreground class.

    Returns
    -------
    ndarray of int, shape (n,)
        Index into the K classes for each id present, by ascending id; the first class wins a tie.
    """
    runs = find_runs(labels)
    ids, position = np.unique(runs.label, return_inverse=True)
    if len(class_probabilities) == 1:
        return np.zeros(ids.size, dtype=np.intp)
    sums = [
        np.bincount(position, sum_runs(runs, plane), minlength=ids.size)
        for plane in class_probabilities
    ]
    return np.asarray(np.argmax(sums, axis=0), dtype=np.intp)


def tidy_objects(labels: Labels, settings: PostProcessing, pixel_size: PixelSize) -> Labels:
    """Fill small holes and remove specks.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    settings : PostProcessing
        Sizes in µm².
    pixel_size : PixelSize
        Of `labels`.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        The same ids, without those of specks.
    """
    hole = largest_hole(settings, pixel_size)
    labels = fill_holes(labels, hole)
    labels, dropped = _drop_specks(labels, _pixels(settings.min_area_um2, pixel_size))
    # a speck inside a hole kept that hole open
    return fill_holes(labels, hole) if dropped else labels


def largest_hole(settings: PostProcessing, pixel_size: PixelSize) -> int:
    """Return the number of pixels of the largest hole that is filled."""
    return math.floor(settings.max_hole_um2 / pixel_size.area_um2 * (1 + _ROUNDING))


def first_pixels(
    labels: npt.NDArray[np.integer[Any]],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return every id, ascending, and the place of its first pixel in reading order.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.

    Returns
    -------
    ids : ndarray of int, shape (n,)
    places : ndarray of int64, shape (n,)
        Row times the number of columns, plus column.
    """
    runs = find_runs(labels)
    ids, first = np.unique(runs.label, return_index=True)
    return ids, runs.row[first] * labels.shape[1] + runs.start[first]


def number_objects(labels: npt.NDArray[np.integer[Any]]) -> Labels:
    """Return the same objects with ids 1 … n in the order in which rows meet them.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background; gaps are allowed.

    Returns
    -------
    ndarray of int32, shape (Y, X)
    """
    ids, places = first_pixels(labels)
    table = np.zeros(int(ids[-1]) + 1 if ids.size else 1, dtype=np.int32)
    table[ids[np.argsort(places)]] = np.arange(1, ids.size + 1)
    return np.asarray(table[labels], dtype=np.int32)


def fill_holes(labels: Labels, largest: int) -> Labels:
    """Fill holes that lie inside one single object.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    largest : int
        Holes with more pixels stay open.

    Returns
    -------
    ndarray of int, shape (Y, X)
        Gaps between several objects and background that reaches the border stay.
    """
    if largest < 1 or not labels.any():
        return labels
    empty = labels == 0
    gaps, n_gaps = ndimage.label(empty, np.ones((3, 3), dtype=bool))
    closed = np.bincount(gaps.ravel(), minlength=n_gaps + 1) <= largest
    for border in (gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]):
        closed[border] = False
    closed[0] = False
    if not closed.any():
        return labels
    low, high = _neighbours_of_gaps(labels, np.where(closed[gaps], gaps, 0), n_gaps)
    owner = np.where(closed & (low == high), high, 0).astype(labels.dtype)
    return np.where(empty, owner[gaps], labels)


def _neighbours_of_gaps(
    labels: Labels, gaps: npt.NDArray[Any], n_gaps: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the smallest and the largest id beside each gap."""
    low = np.full(n_gaps + 1, np.iinfo(np.int64).max)
    high = np.zeros(n_gaps + 1, dtype=np.int64)
    views = [
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ]
    for here, there in views:
        touching = (gaps[here] > 0) & (labels[there] > 0)
        gap, label = gaps[here][touching], labels[there][touching]
        np.minimum.at(low, gap, label)
        np.maximum.at(high, gap, label)
    return low, high


def _pixels(area_um2: float, pixel_size: PixelSize) -> int:
    """Return the least number of pixels with at least this area."""
    return math.ceil(area_um2 / pixel_size.area_um2 * (1 - _ROUNDING))


def _drop_specks(labels: Labels, smallest: int) -> tuple[Labels, bool]:
    """Remove objects of fewer than `smallest` pixels; tell whether there were any."""
    sizes = np.bincount(labels.ravel())
    speck = (sizes > 0) & (sizes < smallest)
    speck[0] = False
    if not speck.any():
        return labels, False
    return np.where(speck[labels], 0, labels).astype(np.int32), True
