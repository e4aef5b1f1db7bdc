"""What a person has reviewed, as training targets that never guess about the rest.

Inside reviewed regions labels are truth, outside they may be anything. A target pixel counts only
if no change of unreviewed labels could change it; all others are `IGNORE` (for contours see
`core.targets.reviewed_contour`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.draw import polygon as polygon_pixels

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE, class_target
from napari_selfreg.core.types import Box

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]

_BAND = 32
"""So many rows of a large region are filled in some milliseconds."""


def review_mask(shape: tuple[int, int], regions: Iterable[Sequence[npt.ArrayLike]]) -> Mask:
    """Return the pixels whose centres lie inside at least one region.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image in pixels.
    regions : iterable of rings
        The outline of each region and then its holes, each of shape (n, 2): corners (y, x) in
        image pixels, whole numbers being corners of pixels as in GeoJSON.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    BadInputError
        If a ring has fewer than three corners or one that is not finite.
    """
    reviewed = np.zeros(shape, dtype=bool)
    for outline, *holes in regions:
        inside = _filled(shape, outline)
        for hole in holes:
            inside &= ~_filled(shape, hole)
        reviewed |= inside
    return reviewed


def _filled(shape: tuple[int, int], ring: npt.ArrayLike) -> Mask:
    corners = np.asarray(ring, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1:] != (2,) or len(corners) < 3:
        raise BadInputError("A region needs three corners or more: draw it again.")
    if not np.all(np.isfinite(corners)):
        raise BadInputError("A region has a corner at no place: draw it again.")
    # for skimage whole numbers are the centres of pixels
    rows, columns = corners[:, 0] - 0.5, corners[:, 1] - 0.5
    inside = np.zeros(shape, dtype=bool)
    for top in range(0, shape[0], _BAND):  # skimage lets no other thread, nor the window, go on
        band = inside[top : top + _BAND]
        band[polygon_pixels(rows - top, columns, band.shape)] = True
    return inside


def reviewed_parts(reviewed: Mask) -> list[tuple[Box, Mask]]:
    """Return the connected parts of a mask, largest first.

    Parameters
    ----------
    reviewed : ndarray of bool, shape (Y, X)

    Returns
    -------
    list of (Box, ndarray of bool)
        Bounding box and the part's own pixels inside it. Regions that touch are one part.
    """
    numbered, _ = ndimage.label(reviewed)
    parts = [
        (Box(rows.start, columns.start, rows.stop, columns.stop), numbered[rows, columns] == number)
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), start=1)
    ]
    return sorted(parts, key=lambda part: -int(part[1].sum()))


def reviewed_classes(labels: Labels, n_classes: int, reviewed: Mask) -> npt.NDArray[np.uint8]:
    """Return class ids where reviewed, `IGNORE` elsewhere.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids for one class, class ids for several; 0 = background.
    n_classes : int
        Number of foreground classes.
    reviewed : ndarray of bool, shape (Y, X)

    Returns
    -------
    ndarray of uint8, shape (Y, X)

    Raises
    ------
    ValueError
        If a reviewed class id exceeds `n_classes` (of several).
    """
    classes = class_target(np.where(reviewed, labels, 0), n_classes)
    classes[~reviewed] = IGNORE
    return classes
