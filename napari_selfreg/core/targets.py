"""Training targets made of labels: classes and the inner contour of objects.

Targets are ``uint8`` arrays in which 255 (`IGNORE`) marks pixels that train nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize

IGNORE = 255
"""Value of target pixels that take no part in any loss."""


def inner_edges(
    labels: npt.NDArray[np.integer], known: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Mark the pixels of objects that touch another label.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    known : ndarray of bool, shape (Y, X), optional
        Pixels whose labels are certain; only edges between two of them are marked.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        True inside objects where one of the four neighbours has another id. The border of the
        image is not an edge: what continues outside is unknown.
    """
    edges = np.zeros(labels.shape, dtype=bool)
    down = labels[1:] != labels[:-1]
    right = labels[:, 1:] != labels[:, :-1]
    if known is not None:
        down, right = down & known[1:] & known[:-1], right & known[:, 1:] & known[:, :-1]
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return edges & (labels > 0)


def contour_target(
    labels: npt.NDArray[np.integer], width_um: float, pixel_size: PixelSize
) -> npt.NDArray[np.uint8]:
    """Return the band along the inside of every object's outline.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    width_um : float
        Width of the band in micrometres; at least one pixel is marked.
    pixel_size : PixelSize
        Of `labels`.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        1 in the band, else 0.
    """
    band = _near(inner_edges(labels), width_um, pixel_size)
    return np.asarray(band & (labels > 0), dtype=np.uint8)


def reviewed_contour(
    labels: npt.NDArray[np.integer],
    width_um: float,
    pixel_size: PixelSize,
    reviewed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Return `contour_target` where labels that nobody reviewed cannot change it.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids of the whole layer, 0 = background.
    width_um : float
        Width of the band in micrometres.
    pixel_size : PixelSize
        Of `labels`.
    reviewed : ndarray of bool, shape (Y, X)
        Pixels whose labels are truth.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        1 in the band, 0 off it, `IGNORE` where not reviewed, or where it depends on pixels that
        are not: an object that reaches out of a region may end right there.
    """
    objects = (labels > 0) & reviewed
    sure = inner_edges(labels, reviewed)
    open_side = objects & ndimage.binary_dilation(~reviewed)
    inside = _near(sure, width_um, pixel_size)
    perhaps = _near(sure | open_side | ~reviewed, width_um, pixel_size)
    target = np.where(inside, 1, np.where(perhaps, IGNORE, 0)).astype(np.uint8)
    target[~objects] = 0
    target[~reviewed] = IGNORE
    return target


def _near(
    edges: npt.NDArray[np.bool_], width_um: float, pixel_size: PixelSize
) -> npt.NDArray[np.bool_]:
    """Mark what a band of `width_um` along these pixels covers."""
    if not edges.any():
        return np.zeros(edges.shape, dtype=bool)
    distance = ndimage.distance_transform_edt(~edges, sampling=(pixel_size.y, pixel_size.x))
    # An edge pixel is itself one pixel wide, so a band of w µm ends w - 1 px further in.
    return np.asarray(distance <= max(0.0, width_um - pixel_size.mean), dtype=bool)


def class_target(labels: npt.NDArray[np.integer], n_classes: int) -> npt.NDArray[np.uint8]:
    """Return class ids, 0 = background.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids for one class; class ids for several.
    n_classes : int
        Number of foreground classes.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        Values 0 … `n_classes`.

    Raises
    ------
    ValueError
        If a class id exceeds `n_classes` (of several).
    """
    if n_classes == 1:
        return (labels > 0).astype(np.uint8)
    if labels.max(initial=0) > n_classes:
        raise ValueError(f"class id {labels.max()} in the labels, but only {n_classes} classes")
    return np.asarray(labels, dtype=np.uint8)


def require_labelled(
    targets: Sequence[npt.NDArray[Any]], what: str, image: str = "image", pixel: str = "pixel"
) -> None:
    """Refuse images, or volumes, none of which has a labelled pixel.

    Parameters
    ----------
    targets : sequence of ndarray of integers, any shape
        Class ids; 0 is background, and `IGNORE` counts as no label.
    what : str
        What they are for: ends the subject of the sentence.
    image, pixel : str
        What the sentence calls one of them, and a part of it.

    Raises
    ------
    BadInputError
    """
    if any(np.any((each > 0) & (each != IGNORE)) for each in targets):
        return
    only = len(targets) == 1
    count = f"The only {image}" if only else f"None of the {len(targets)} {image}s"
    raise BadInputError(
        f"{count} {what} has {'no' if only else 'a'} {pixel} of a class: check that the labels are "
        f"complete, or add {image}s with labels."
    )
