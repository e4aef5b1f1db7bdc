"""Cutting touching objects: along ridges of a contour map, or at the necks of a shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.segmentation import watershed

from napari_selfreg.core.bands import object_bands
from napari_selfreg.core.types import PixelSize

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int32]

REACH = 4
"""Rows beyond an object that its cut depends on: what smoothing looks at."""

_GRID = 1.0
"""A neck less than this many pixels narrower than its sides may be an effect of the grid."""

_RIDGE = 0.8
"""Height of the ridge between two objects that separation 0 would ask for."""


def connected(mask: npt.NDArray[np.bool_]) -> Labels:
    """Return the 4-connected parts of a mask, shape (Y, X), numbered in reading order."""
    return np.asarray(ndimage.label(mask)[0], dtype=np.int32)


def separate(
    mask: npt.NDArray[np.bool_],
    foreground: Floats,
    contour: Floats | None,
    separation: float,
    pixel_size: PixelSize,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> Labels:
    """Cut touching objects: along ridges of the contour or, without one, at necks.

    Every connected part of the mask is cut by itself: what else is in the picture changes nothing.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        Pixels of objects.
    foreground : ndarray of float, shape (Y, X)
        Probability of any foreground class.
    contour : ndarray of float, shape (Y, X), or None
        Probability of lying on the inner side of an outline.
    separation : float
        0 cuts nothing, 1 wherever a ridge or neck is.
    pixel_size : PixelSize
        Of the arrays.
    wanted : ndarray of bool, shape (Y, X), optional
        Whole parts of the mask: only these are returned. Their cuts are those of a larger picture
        if the arrays hold `REACH` rows of it above and below them.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        4-connected objects, ids with gaps; together they are the mask, or what is wanted of it.
    """
    part = mask if wanted is None else wanted
    if separation <= 0:
        return connected(part)
    if contour is not None:
        return cut_at_ridges(part, foreground, contour, separation)
    return cut_at_necks(mask, separation, pixel_size, part)


def cut_at_ridges(
    mask: npt.NDArray[np.bool_], foreground: Floats, contour: Floats, separation: float
) -> Labels:
    """Cut along ridges of doubt: a suspected contour, or foreground that grows weak.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        Pixels of objects.
    foreground, contour : ndarray of float, shape (Y, X)
        Probabilities.
    separation : float
        Near 0 only high ridges cut, at 1 every ridge does.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        4-connected objects, ids with gaps; together they are the mask.
    """
    doubt = contour.astype(np.float32) + (1 - foreground.astype(np.float32))
    depth = -ndimage.gaussian_filter(np.nan_to_num(doubt, nan=2.0), 1.0, radius=REACH)
    return _cut(mask, depth, drop=max(_RIDGE * (1 - separation), 0.02))


def cut_at_necks(
    mask: npt.NDArray[np.bool_],
    separation: float,
    pixel_size: PixelSize,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> Labels:
    """Cut where a shape is narrower than on both sides.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        Pixels of objects.
    separation : float
        Near 0 only thin necks cut, at 1 every neck does.
    pixel_size : PixelSize
        Of `mask`; only the ratio of its sides counts.
    wanted : ndarray of bool, shape (Y, X), optional
        Whole parts of the mask: only these are cut and returned.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        4-connected objects, ids with gaps; together they are what is wanted.
    """
    wanted = mask if wanted is None else wanted
    if mask.all():
        return connected(wanted)
    # Only the shape of a pixel counts, so that scaling both sides changes nothing. The border of
    # the image does not make an object narrower: what lies beyond is unknown.
    depth = ndimage.distance_transform_edt(mask, sampling=(1.0, pixel_size.x / pixel_size.y))
    return _cut(wanted, depth.astype(np.float32), _GRID, share=1 - math.sqrt(separation))


def _cut(mask: npt.NDArray[np.bool_], depth: Floats, drop: float, share: float = 0.0) -> Labels:
    """Cut each part of the mask where a ridge separates two deep places.

    That is, where it lies `drop`, and `share` of the depth, below the summits on both sides: the
    h-maxima transform, without its slow reconstruction.
    """
    parts = connected(mask)
    peaks = mask & (depth >= _deepest_neighbour(np.where(mask, depth, -np.inf)))
    found = np.zeros_like(parts)
    last = 0
    for rows, piece in object_bands(parts):  # parts have no influence on each other
        inside = piece > 0
        seeds = connected(peaks[rows] & inside)
        summits = np.zeros(int(seeds.max()) + 1)
        summits[seeds[seeds > 0]] = depth[rows][seeds > 0]
        heights = _one_after_the_other(-depth[rows], seeds)
        basins = watershed(heights, seeds, mask=inside, connectivity=1)
        necks = _necks(np.asarray(basins, dtype=np.int32), depth[rows])
        joined = _join(summits.tolist(), necks, drop, share)[basins]
        found[rows][inside] = joined[inside] + last
        last += int(joined.max())
    return found


def _one_after_the_other(heights: npt.NDArray[np.float32], seeds: Labels) -> Floats:
    """Lower the pixels of seeds by less than any difference, so that no two are equally high.

    Which of two equal ones scikit-image floods first depends on all others in the picture; now the
    first in reading order is. Between two float32 lie 2 ** 28 float64 or more.
    """
    result = heights.astype(np.float64)
    at = np.nonzero(seeds)
    step = np.maximum(np.spacing(np.abs(result[at])), 1e-200)  # at 0 it could be flushed to 0
    result[at] -= np.arange(step.size, 0, -1) * step
    return result


def _deepest_neighbour(depth: Floats) -> Floats:
    """Return the largest value of the four neighbours."""
    around = np.full_like(depth, -np.inf)
    np.maximum(around[1:], depth[:-1], out=around[1:])
    np.maximum(around[:-1], depth[1:], out=around[:-1])
    np.maximum(around[:, 1:], depth[:, :-1], out=around[:, 1:])
    np.maximum(around[:, :-1], depth[:, 1:], out=around[:, :-1])
    return around


def _join(
    summit: list[float], necks: list[tuple[int, int, float]], drop: float, share: float
) -> Labels:
    """Join touching basins, deepest contact first, unless the ridge between them is real.

    Returns
    -------
    ndarray of int32
        New id of every basin.
    """
    parent = list(range(len(summit)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for one, other, neck in necks:
        a, b = sorted((root(one), root(other)))
        fall = min(summit[a], summit[b]) - neck
        if a != b and (fall < drop or fall <= share * (fall + neck)):
            parent[b] = a
            summit[a] = max(summit[a], summit[b])
    return np.array([root(node) for node in range(len(parent))], dtype=np.int32)


def _necks(basins: Labels, depth: Floats) -> list[tuple[int, int, float]]:
    """Return pairs of touching basins with the depth of their deepest contact, deepest first."""
    size = int(basins.max()) + 1
    keys, depths = [], []
    for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        a, b = basins[here], basins[there]
        touching = (a != b) & (a > 0) & (b > 0)
        low = np.minimum(a[touching], b[touching]).astype(np.int64)
        keys.append(low * size + np.maximum(a[touching], b[touching]))
        depths.append(np.minimum(depth[here][touching], depth[there][touching]))
    key, contact = np.concatenate(keys), np.concatenate(depths)
    pairs, position = np.unique(key, return_inverse=True)
    deepest = np.full(pairs.size, -np.inf)
    np.maximum.at(deepest, position, contact)
    order = np.lexsort((pairs, -deepest))
    return [
        (int(pair // size), int(pair % size), float(neck))
        for pair, neck in zip(pairs[order], deepest[order], strict=True)
    ]
