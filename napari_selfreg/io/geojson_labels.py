"""QuPath's GeoJSON as a map of object ids with classes.

A pixel belongs to a polygon if its centre lies inside, so outlines along pixel edges, as
`napari_selfreg.io.geojson` writes them, give back exactly the labels they came from.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.draw import polygon as polygon_pixels

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.qupath_tiles import SlidePlace

_FARTHEST = 1e8
"""No image has so many pixels along one side."""

_MAX_BYTES = 2 << 30
"""Longer texts are no annotations of one image; compressed files can hide them."""

_PIECE = 1 << 20

NOT_GEOJSON = (
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    OverflowError,  # whole numbers beyond every float
    RecursionError,  # collections in collections
)
"""What reading the features of a JSON document raises that is no GeoJSON."""

Ring = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImportedLabels:
    """Labels from a file.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        Object ids, 0 = background.
    classes : dict of int to str
        Class of each object, where the file states one.
    passed_over : int
        Features without an area, or outside of the image.
    """

    labels: npt.NDArray[np.int32]
    classes: dict[int, str] = field(default_factory=dict)
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """One feature: polygons of a shell and holes each, in pixels of the labels."""

    polygons: tuple[tuple[Ring, ...], ...]
    name: str
    class_name: str

    @property
    def size(self) -> float:
        """Area of the boxes around its shells."""
        return float(sum(np.prod(np.ptp(rings[0], axis=0)) for rings in self.polygons))


def read_geojson(
    path: str | Path, shape: tuple[int, int], place: SlidePlace | None = None
) -> ImportedLabels:
    """Read the areas of a GeoJSON file.

    Where objects overlap, the smaller one is on top: so a gland stays visible in the tissue that
    was outlined around it. Points and lines are passed over.

    Parameters
    ----------
    path : str or Path
        ``.geojson`` or ``.json``, also compressed (``.gz``).
    shape : (int, int)
        Height and width of the labels in pixels.
    place : SlidePlace, optional
        Where the labels lie on the image that the file is about; at its corner without it.

    Returns
    -------
    ImportedLabels
        Ids are the features' names if these are different whole numbers, as in our own files,
        else 1, 2, … in the order of the file.

    Raises
    ------
    BadInputError
        If the file is missing, damaged, no GeoJSON, or holds no area in the image.
    """
    file = Path(path)
    where = place or SlidePlace()
    try:
        found = [_shape(feature, where) for feature in geojson_features(load_geojson(file))]
    except NOT_GEOJSON as error:
        raise BadInputError(
            f"{file.name} is no GeoJSON of outlines: export it from QuPath again."
        ) from error
    shapes = [each for each in found if each is not None]
    places = np.zeros(shape, np.int32)
    for at in sorted(range(len(shapes)), key=lambda i: -shapes[i].size):
        for rings in shapes[at].polygons:
            _fill(places, rings, at + 1)
    seen = np.flatnonzero(np.bincount(places.ravel())[1:])  # of names this table could be huge
    if not seen.size:
        raise BadInputError(
            f"{file.name} holds no outline inside this image: choose the file of this image."
        )
    numbers = _numbers(shapes)
    names = {numbers[at]: shapes[at].class_name for at in seen if shapes[at].class_name}
    labels = np.array([0, *numbers], np.int32)[places]
    return ImportedLabels(labels, names, len(found) - len(seen))


def load_geojson(file: Path) -> Any:
    """Return the document in a GeoJSON file, packed or not.

    Parameters
    ----------
    file : Path
        Ending in ``.gz`` if it is packed.

    Returns
    -------
    object
        As `json.loads` gives it.

    Raises
    ------
    BadInputError
        If it is missing, cannot be read or is no JSON.
    """
    try:
        packed = file.suffix.lower() == ".gz"
        with gzip.open(file, "rb") if packed else file.open("rb") as stream:
            return json.loads(_text(stream))
    except FileNotFoundError:
        raise BadInputError(f"{file.name} does not exist: check the path.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInputError(f"{file.name} is damaged: copy or export it again.") from error
    except OSError as error:
        raise BadInputError(f"{file.name} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            f"{file.name} is damaged or no GeoJSON: export it from QuPath again."
        ) from error


def _text(stream: BufferedIOBase) -> bytearray:
    """Read piece by piece: asked for all it may hold, Python sets that much memory aside first."""
    text = bytearray()
    while len(text) < _MAX_BYTES and (part := stream.read(_PIECE)):
        text += part
    return text


def geojson_features(document: Any) -> Iterator[dict[str, Any]]:
    """Yield features of a collection, of a bare list (QuPath 0.2), or the only one."""
    items = document if isinstance(document, list) else document.get("features", [document])
    for item in items:
        yield item if "geometry" in item else {"geometry": item}


def _shape(feature: dict[str, Any], place: SlidePlace) -> _Shape | None:
    polygons = tuple(
        tuple(_ring(ring, place) for ring in rings)
        for rings in area_polygons(feature["geometry"] or {"type": "none"})
        if rings
    )
    if not polygons:
        return None
    properties = feature.get("properties") or {}
    name = properties.get("name", "")
    return _Shape(polygons, str(name), _class_name(properties.get("classification")))


def area_polygons(geometry: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the rings of every polygon in a geometry; lines and points have none."""
    kind = geometry["type"]
    if kind == "Polygon":
        yield geometry["coordinates"]
    elif kind == "MultiPolygon":
        yield from geometry["coordinates"]
    elif kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from area_polygons(part)


def _ring(points: list[Any], place: SlidePlace) -> Ring:
    xy = np.array([point[:2] for point in points], dtype=np.float64)
    if xy.ndim != 2 or len(xy) < 3 or not np.all(np.abs(xy) < _FARTHEST):  # false for NaN, too
        raise ValueError("no ring")
    return place.to_picture(xy)


def _class_name(classification: Any) -> str:
    """Return QuPath's class: one name, or since 0.5 a list of names."""
    if not isinstance(classification, dict):
        return ""
    names = classification.get("names") or [classification.get("name", "")]
    return ": ".join(str(name) for name in names if name)


def _numbers(shapes: list[_Shape]) -> list[int]:
    names = [each.name for each in shapes]
    own = all(name.isascii() and name.isdigit() and len(name) < 9 for name in names)
    numbers = [int(name) for name in names] if own else []  # "1" and "01" are one number
    if own and len(set(numbers)) == len(numbers) and 0 not in numbers:
        return numbers
    return list(range(1, len(shapes) + 1))


def _fill(labels: npt.NDArray[np.int32], rings: tuple[Ring, ...], number: int) -> None:
    """Fill a shell without its holes, inside the box around it."""
    limit = np.array(labels.shape)
    low = np.clip(np.floor(rings[0].min(axis=0))[::-1].astype(int), 0, limit)
    high = np.clip(np.ceil(rings[0].max(axis=0))[::-1].astype(int), 0, limit)
    if np.any(high <= low):
        return
    part = labels[low[0] : high[0], low[1] : high[1]]
    inside = np.zeros(part.shape, dtype=bool)
    for place, ring in enumerate(rings):
        # Whole numbers are pixel centres there, and corners of pixels here.
        rows, columns = ring[:, 1] - low[0] - 0.5, ring[:, 0] - low[1] - 0.5
        inside[polygon_pixels(rows, columns, part.shape)] = place == 0
    part[inside] = number
