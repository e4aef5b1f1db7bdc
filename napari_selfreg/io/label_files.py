"""Label files of many makes read as one thing: an int32 map of object ids, 0 = background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.aperio import read_aperio
from napari_selfreg.io.label_pictures import read_values

LABEL_EXTENSIONS = frozenset({".png", ".bmp", ".tif", ".tiff", ".webp", ".xml"})
"""Extensions a label file may have; all but the last lossless."""

_MAX_ID = int(np.iinfo(np.int32).max)


def read_labels(path: str | Path, shape: tuple[int, int] | None = None) -> npt.NDArray[np.int32]:
    """Read a label file.

    A file whose values are 0 and 255 only is a binary mask: 255 becomes 1. In any other file every
    value is an id, 255 included. Grey pictures stored as RGB(A) count as grey, alpha is ignored. A
    paletted picture gives its grey values if the whole palette is grey, else its palette indices.

    Parameters
    ----------
    path : str or Path
        PNG, BMP, TIFF, WebP, or an Aperio ImageScope XML.
    shape : (int, int), optional
        Height and width of the image in pixels; needed for XML, checked for everything else.

    Returns
    -------
    ndarray of int32, shape (y, x)
        Ids as stored (not renumbered), 0 = background.

    Raises
    ------
    BadInputError
        If the file is missing, damaged, empty, coloured, of several planes, holds numbers which
        are no ids, or does not have `shape`.
    """
    file = Path(path)
    if file.suffix.lower() == ".xml":
        if shape is None:
            raise BadInputError(f"{file.name} holds outlines: the size of its image must be given.")
        return read_aperio(file, shape).labels
    labels = labels_from_array(read_values(file), file.name)
    if shape is not None and labels.shape != tuple(shape):
        raise BadInputError(
            f"{file.name} is {labels.shape[1]} x {labels.shape[0]} pixels but its image is "
            f"{shape[1]} x {shape[0]}: give a label file of the same size."
        )
    return labels


def labels_from_array(array: npt.ArrayLike, name: str) -> npt.NDArray[np.int32]:
    """Apply the rules of `read_labels` to numbers already in memory.

    Parameters
    ----------
    array : array_like, shape (y, x) or (y, x, channels)
        Booleans, integers, or floats that are whole numbers.
    name : str
        What to call the array in an error.

    Returns
    -------
    ndarray of int32, shape (y, x)

    Raises
    ------
    BadInputError
        If the array is empty, coloured, or holds anything but whole numbers in 0 … 2³¹ - 1.
    """
    values = _grey(np.asarray(array), name)
    if values.dtype != np.bool_:
        _check_ids(values, name)
        if values.max() == 255 and not np.any((values != 0) & (values != 255)):
            values = values != 0
    labels: npt.NDArray[np.int32] = values.astype(np.int32)
    return labels


def read_mask8(path: str | Path, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Read a label file as an 8-bit grey picture, for protocols that begin with one.

    Parameters
    ----------
    path : str or Path
        As for `read_labels`.
    shape : (int, int)
        Height and width of the image in pixels.

    Returns
    -------
    ndarray of uint8, shape (y, x)
        Files of 8 bits give the values they hold (0 and 255, or small ids); all others 0 and 255.

    Raises
    ------
    BadInputError
        As `read_labels`.
    """
    file = Path(path)
    labels = read_labels(file, shape)
    raw = None if file.suffix.lower() == ".xml" else _grey(read_values(file), file.name)
    if raw is not None and raw.dtype == np.uint8:
        return raw.astype(np.uint8)
    return np.where(labels > 0, 255, 0).astype(np.uint8)


def object_labels(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Return a map in which every object has an id of its own.

    A map with a single nonzero value says where tissue is, not which: it is split into its
    8-connected components, numbered from 1. A map with several values is returned as it is.

    Parameters
    ----------
    labels : ndarray of int, shape (y, x)

    Returns
    -------
    ndarray of int32, shape (y, x)
    """
    foreground = labels != 0
    top = int(labels.max(initial=0))
    if top == 0 or np.any(foreground & (labels != top)):
        return labels.astype(np.int32, copy=False)
    components, _ = ndimage.label(foreground, structure=np.ones((3, 3)), output=np.int32)
    return np.asarray(components, dtype=np.int32)


def _grey(array: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
    if array.size == 0:
        raise BadInputError(f"{name} has no pixels: save the label file again.")
    if array.ndim == 2:
        return array
    if array.ndim != 3 or array.shape[2] > 4:
        raise BadInputError(f"{name} holds several planes: save one label picture per file.")
    colours = array[..., :3] if array.shape[2] >= 3 else array[..., :1]
    if np.any(colours != colours[..., :1]):
        raise BadInputError(
            f"{name} holds colours, not labels: save it as a grey picture of 0 and 255 or of "
            "object numbers."
        )
    grey: npt.NDArray[np.generic] = colours[..., 0]
    return grey


def _check_ids(values: npt.NDArray[np.generic], name: str) -> None:
    kind = values.dtype.kind
    if kind not in "uif" or (kind == "f" and not np.all(np.isfinite(values.astype(np.float64)))):
        raise BadInputError(f"{name} holds values that are no numbers: save whole object numbers.")
    if kind == "f" and np.any(values != np.rint(values.astype(np.float64))):
        raise BadInputError(f"{name} holds fractions, not labels: save whole object numbers.")
    if values.min() < 0 or values.max() > _MAX_ID:
        raise BadInputError(f"{name} holds ids outside 0 to {_MAX_ID}: renumber its objects.")
