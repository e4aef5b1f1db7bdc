"""Size, place and intensity of every class of a volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Measurements = dict[str, npt.NDArray[Any]]
"""Column name -> one value per class, rows by ascending class id."""

COLUMNS = (
    "index",
    "class",
    "voxels",
    "volume_mm3",
    "volume_ml",
    "centroid_x_mm",
    "centroid_y_mm",
    "centroid_z_mm",
    "mean_intensity",
)
"""Columns of `measure_classes`; ``index`` is the class id, the value in the labels."""

_MM3_PER_ML = 1000.0


def measure_classes(
    labels: npt.NDArray[np.integer[Any]],
    voxels: npt.NDArray[np.floating[Any]] | None,
    spacing: tuple[float, float, float],
    classes: Sequence[str],
    affine: npt.NDArray[np.float64] | None = None,
) -> Measurements:
    """Measure every class, also those that do not occur.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
        Class ids, 0 = background; ids beyond the last class do not count.
    voxels : ndarray of float, shape (Z, Y, X)
        Intensities on the same grid; None leaves their means NaN.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    classes : sequence of str, length K
        Names of the classes 1 … K.
    affine : ndarray of float64, shape (4, 4), optional
        Takes the index (x, y, z, 1) of a voxel to millimetres in space. Without it centroids are
        measured from the middle of the first voxel along the axes of the volume.

    Returns
    -------
    dict of str to ndarray, shape (K,)
        `COLUMNS`: class id and name, number of voxels, volume in cubic millimetres and in
        millilitres, mean place in millimetres (right, front and top in space), mean intensity.
        NaN where a class has no voxel.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if voxels is not None and voxels.shape != labels.shape:
        raise ValueError(f"arrays of one shape expected, got {labels.shape} and {voxels.shape}")
    where = np.flatnonzero((labels > 0) & (labels <= len(classes)))
    ids = labels.ravel()[where]
    matrix = np.diag([*spacing[::-1], 1.0]) if affine is None else affine
    counts = np.bincount(ids, minlength=len(classes) + 1)[1:]
    volume = counts * abs(float(np.linalg.det(matrix[:3, :3])))
    z, y, x = np.unravel_index(where, labels.shape)
    middle = np.stack([_means(axis, ids, counts) for axis in (x, y, z)])
    place = matrix[:3, :3] @ middle + matrix[:3, 3:]
    unknown = np.full(len(classes), math.nan)
    bright = unknown if voxels is None else _means(voxels.ravel()[where], ids, counts)
    columns = (
        np.arange(1, len(classes) + 1, dtype=np.int32),
        np.array(classes, dtype=np.str_),
        counts.astype(np.int64),
        volume,
        volume / _MM3_PER_ML,
        *place,
        bright,
    )
    return dict(zip(COLUMNS, columns, strict=True))


def _means(
    values: npt.NDArray[Any], ids: npt.NDArray[Any], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean of `values` in every class, NaN where there is none."""
    sums = np.bincount(ids, values, minlength=len(counts) + 1)[1:]
    means: npt.NDArray[np.float64] = np.full(len(counts), math.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
