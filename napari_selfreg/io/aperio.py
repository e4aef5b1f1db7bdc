"""Annotations of Aperio ImageScope (XML) as a map of object ids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import numpy.typing as npt
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse
from skimage.draw import ellipse, polygon

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize

_FARTHEST = 1e8
"""No image has so many pixels along one side."""
_FREEHAND, _RECTANGLE, _ELLIPSE = "0", "1", "2"
_Pixels = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class AperioLabels:
    """What an ImageScope file says about its image.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        1, 2, … in the order of the file's regions, 0 = background.
    pixel_size : PixelSize or None
        From ``MicronsPerPixel``; None where the file states none.
    """

    labels: npt.NDArray[np.int32]
    pixel_size: PixelSize | None


def read_aperio(path: str | Path, shape: tuple[int, int]) -> AperioLabels:
    """Read the outlines of an ImageScope XML and fill them.

    Areas (freehand, rectangle, ellipse) become objects; arrows and rulers are passed over. A pixel
    belongs to an outline if its index, taken as a point, lies inside, and to the first of several
    outlines that claim it: the rule by which the public MoNuSeg instance maps were made. Regions
    marked as negative cut holes. Parts outside the image are cut off.

    Parameters
    ----------
    path : str or Path
        The XML file; entities and external references are refused.
    shape : (int, int)
        Height and width of the image in pixels.

    Returns
    -------
    AperioLabels

    Raises
    ------
    BadInputError
        If the file is missing, no well-formed XML, hostile, or no ImageScope file.
    """
    file = Path(path)
    root = _root(file)
    labels = np.zeros(shape, dtype=np.int32)
    negative: list[_Pixels] = []
    number = 0
    for region in root.iter("Region"):
        pixels = _filled(region, shape, file.name)
        if pixels is None:
            continue
        if region.get("NegativeROA", "0") == "1":
            negative.append(pixels)
            continue
        number += 1
        free = labels[pixels] == 0
        labels[pixels[0][free], pixels[1][free]] = number
    for pixels in negative:
        labels[pixels] = 0
    return AperioLabels(labels, _pixel_size(root))


def _root(file: Path) -> Element:
    try:
        root: Any = parse(file, forbid_dtd=True).getroot()
    except FileNotFoundError:
        raise BadInputError(f"{file.name} does not exist: check the path.") from None
    except OSError as error:
        raise BadInputError(f"{file.name} cannot be read ({error.strerror}).") from error
    except DefusedXmlException as error:
        raise BadInputError(
            f"{file.name} holds XML entities, which are refused: export it from ImageScope again."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadInputError(
            f"{file.name} is damaged or no XML: export it from ImageScope again."
        ) from error
    if not isinstance(root, Element) or root.tag != "Annotations":
        raise BadInputError(
            f"{file.name} is no ImageScope annotation: its root must be Annotations."
        )
    return root


def _filled(region: Element, shape: tuple[int, int], name: str) -> _Pixels | None:
    kind = region.get("Type", _FREEHAND)
    if kind not in {_FREEHAND, _RECTANGLE, _ELLIPSE}:
        return None
    y, x = _vertices(region, name)
    if kind == _ELLIPSE and len(y) in {2, 4}:  # stored as the corners of its bounding box
        half_y, half_x = np.ptp(y) / 2, np.ptp(x) / 2
        inside: _Pixels = ellipse(y.min() + half_y, x.min() + half_x, half_y, half_x, shape=shape)
        return inside
    if len(y) < 3:
        return None
    outline: _Pixels = polygon(y, x, shape)
    return outline


def _vertices(
    region: Element, name: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points = [(vertex.get("Y", ""), vertex.get("X", "")) for vertex in region.iter("Vertex")]
    try:
        array = np.array([(float(y), float(x)) for y, x in points]).reshape(-1, 2)
    except ValueError:
        array = np.array([[math.nan, math.nan]])
    if not np.all(np.abs(array) < _FARTHEST):  # false for NaN, too
        raise BadInputError(
            f"{name} holds a vertex that is no place: export it from ImageScope again."
        )
    return array[:, 0], array[:, 1]


def _pixel_size(root: Element) -> PixelSize | None:
    try:
        return PixelSize.isotropic(float(root.get("MicronsPerPixel", "")))
    except (ValueError, BadInputError):
        return None
