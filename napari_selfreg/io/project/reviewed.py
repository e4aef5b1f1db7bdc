"""Which pixels of a field's labels a person has reviewed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.reviewed import review_mask
from napari_selfreg.core.types import Box
from napari_selfreg.io.project.manifest import ProjectField
from napari_selfreg.io.project.regions import Region


def on_labels(points: npt.ArrayLike, record: ProjectField) -> npt.NDArray[np.float64]:
    """Return points of the image as points of the labels.

    Parameters
    ----------
    points : array-like, shape (n, 2)
        ``(y, x)`` in pixels of the image at full resolution; see `regions` for where they lie.
    record : ProjectField
        How the labels lie on the image.

    Returns
    -------
    ndarray of float, shape (n, 2)
        In pixels of the labels, whole numbers still at corners.
    """
    moved = np.asarray(points, np.float64) - record.offset
    return np.asarray(moved / record.downsample, np.float64)


def extent(record: ProjectField) -> Box:
    """Return where the labels of a field lie, in pixels of its image at full resolution."""
    (y, x), (step_y, step_x) = record.offset, record.downsample
    rows, columns = record.shape
    return Box(round(y), round(x), round(y + rows * step_y), round(x + columns * step_x))


def reviewed_mask(regions: Iterable[Region], record: ProjectField) -> npt.NDArray[np.bool_]:
    """Return the pixels of a field's labels that lie in any of its regions.

    Parameters
    ----------
    regions : iterable of Region
        Of the field.
    record : ProjectField

    Returns
    -------
    ndarray of bool, shape (Y, X)
        True where the centre of a pixel lies in a region and in none of its holes.
    """
    drawn = list(regions)
    if any(region.kind == "field" for region in drawn):
        return np.ones(record.shape, np.bool_)
    rings = [(region.points, *region.holes) for region in drawn]
    return review_mask(record.shape, [[on_labels(ring, record) for ring in one] for one in rings])


def reviewed_part(regions: Iterable[Region], record: ProjectField, box: Box) -> float:
    """Return which part of a box is reviewed, 0 … 1, without looking at the rest of the field.

    Parameters
    ----------
    regions : iterable of Region
        Of the field.
    record : ProjectField
    box : Box
        In pixels of the labels, inside them and not empty.

    Returns
    -------
    float
    """
    drawn = list(regions)
    if any(region.kind == "field" for region in drawn):
        return 1.0
    corner = (box.y0, box.x0)
    rings = [(region.points, *region.holes) for region in drawn]
    moved = [[on_labels(ring, record) - corner for ring in one] for one in rings]
    return float(review_mask(box.shape, moved).mean())
