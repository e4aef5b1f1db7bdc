"""Shape and stain of every object, in micrometres, for all objects at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.hulls import hull_pixels
from napari_selfreg.core.objects import object_classes
from napari_selfreg.core.runs import Runs, find_runs, sum_runs
from napari_selfreg.core.stain import separate_stains
from napari_selfreg.core.types import PixelSize

Measurements = dict[str, npt.NDArray[Any]]
"""Column name -> one value per object, rows by ascending object id."""

COLUMNS = (
    "index",
    "area_um2",
    "perimeter_um",
    "eccentricity",
    "solidity",
    "mean_probability",
    "mean_haematoxylin",
    "mean_eosin",
    "class",
)
"""Columns of `measure_objects`; ``index`` is the object id (napari's name for it)."""

_BAND = 1 << 20  # pixels unmixed at a time, so that memory stays flat on large images


def measure_objects(
    labels: npt.NDArray[np.integer[Any]],
    rgb: Any,
    probability: npt.NDArray[np.floating[Any]] | None,
    pixel_size: PixelSize,
    classes: Sequence[str],
    known: Mapping[int, str] | None = None,
) -> Measurements:
    """Measure every object.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background; gaps are allowed.
    rgb : array-like of uint8, shape (Y, X, 3)
        The picture, on the same grid; anything whose rows can be sliced into numpy. None leaves
        the stains NaN.
    probability : ndarray of float, shape (K, Y, X)
        Probability of each foreground class; further channels (a contour) are ignored. None
        leaves it NaN.
    pixel_size : PixelSize
        Of all of them.
    classes : sequence of str, length K
        Names of the foreground classes.
    known : mapping of int to str, optional
        Classes of objects by id, where there is no probability; others have the only class, or
        an empty name if there are several.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        `COLUMNS`: object id; area in µm²; perimeter in µm (Crofton's formula over four
        directions [1]_); eccentricity of the ellipse with the same second moments, 0 = circle;
        solidity = pixels / pixels of the convex hull; means of the foreground probability and of
        the stains in optical density; class name.

    References
    ----------
    .. [1] D. Legland et al., "Computation of Minkowski measures on 2D and 3D binary images",
       Image Analysis & Stereology 26 (2007).
    """
    runs = find_runs(labels)
    ids, position = np.unique(runs.label, return_inverse=True)
    pixels = _per_object(position, ids.size, runs.length)
    unknown = np.full(runs.row.size, np.nan)
    likely, stains = unknown, np.stack([unknown, unknown])
    if probability is not None:
        planes = probability[: len(classes)]
        likely = sum((sum_runs(runs, plane) for plane in planes), start=np.zeros(runs.row.size))
        found = object_classes(np.asarray(labels, np.int32), planes)
        names = np.array(classes, dtype=np.str_)[found]
    else:
        rest = classes[0] if len(classes) == 1 else ""
        names = np.array([(known or {}).get(label, rest) for label in ids.tolist()], dtype=np.str_)
    if rgb is not None:
        stains = _stain_sums(runs, rgb)
    return {
        "index": ids.astype(np.int32),
        "area_um2": pixels * pixel_size.area_um2,
        "perimeter_um": _perimeters(labels, ids, pixel_size),
        "eccentricity": _eccentricities(runs, position, pixels, pixel_size),
        "solidity": pixels / hull_pixels(runs, position, ids.size),
        "mean_probability": _per_object(position, ids.size, likely) / pixels,
        "mean_haematoxylin": _per_object(position, ids.size, stains[0]) / pixels,
        "mean_eosin": _per_object(position, ids.size, stains[1]) / pixels,
        "class": names,
    }


def _per_object(
    position: npt.NDArray[np.intp], n_objects: int, values: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    return np.bincount(position, values, minlength=n_objects).astype(np.float64)


def _stain_sums(runs: Runs, rgb: Any) -> npt.NDArray[np.float64]:
    """Return the sums of haematoxylin and eosin over every run, shape (2, n)."""
    sums = np.zeros((2, runs.row.size))
    height, width = rgb.shape[:2]
    rows = max(1, _BAND // max(width, 1))
    for top in range(0, height, rows):
        first, last = np.searchsorted(runs.row, (top, top + rows))
        if first == last:
            continue
        stains = separate_stains(np.asarray(rgb[top : top + rows]))
        here = slice(first, last)
        band = Runs(runs.label[here], runs.row[here] - top, runs.start[here], runs.stop[here])
        for channel in range(2):
            sums[channel, here] = sum_runs(band, np.ascontiguousarray(stains[..., channel]))
    return sums


def _eccentricities(
    runs: Runs,
    position: npt.NDArray[np.intp],
    pixels: npt.NDArray[np.float64],
    pixel_size: PixelSize,
) -> npt.NDArray[np.float64]:
    n = pixels.size
    length = runs.length.astype(np.float64)
    middle = (runs.start + runs.stop - 1) / 2
    # Deviations from the object's own centre: sums of large squares would cancel badly.
    dy = (runs.row - (_per_object(position, n, runs.row * length) / pixels)[position]) * (
        pixel_size.y
    )
    dx = (middle - (_per_object(position, n, middle * length) / pixels)[position]) * pixel_size.x
    spread = (length**3 - length) / 12 * pixel_size.x**2  # of a run about its own middle
    yy = _per_object(position, n, dy * dy * length) / pixels
    xx = _per_object(position, n, dx * dx * length + spread) / pixels
    xy = _per_object(position, n, dx * dy * length) / pixels
    mean, half = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    large, small = mean + half, np.maximum(mean - half, 0)
    roundness = np.divide(small, large, out=np.ones(n), where=large > 0)
    return np.asarray(np.sqrt(1 - roundness), dtype=np.float64)


def _perimeters(
    labels: npt.NDArray[np.integer[Any]], ids: npt.NDArray[Any], pixel_size: PixelSize
) -> npt.NDArray[np.float64]:
    """Crofton: count how often lines of four directions cross each outline."""
    if ids.size and ids[-1] > labels.size:  # a table of all numbers would be larger than the image
        labels = np.searchsorted(np.append(0, ids), labels)
        ids = np.arange(1, ids.size + 1)
    padded = np.pad(labels, 1)
    y, x = pixel_size.y, pixel_size.x
    slope = math.atan2(y, x)
    diagonal = y * x / math.hypot(y, x)  # distance of neighbouring diagonal lines
    # Each direction: shifted views, distance of its lines, share of the half circle.
    directions = (
        (padded[:, :-1], padded[:, 1:], y, slope),
        (padded[:-1], padded[1:], x, math.pi / 2 - slope),
        (padded[:-1, :-1], padded[1:, 1:], diagonal, math.pi / 4),
        (padded[:-1, 1:], padded[1:, :-1], diagonal, math.pi / 4),
    )
    size = int(ids[-1]) + 1 if ids.size else 1
    total = np.zeros(size)
    for here, there, distance, angle in directions:
        crossing = here != there
        crossings = np.bincount(here[crossing], minlength=size)
        crossings += np.bincount(there[crossing], minlength=size)
        total += crossings * (distance * angle / 2)
    return np.asarray(total[ids], dtype=np.float64)
