"""Objects as GeoJSON that QuPath 0.6 reads.

What QuPath asks of a file (its ``qupath.lib.io`` sources): one FeatureCollection; per feature a
UUID as ``id``, a ``geometry`` in pixels of the full-resolution image, and ``properties`` with
``objectType``, a ``classification`` of name **and** colour (it refuses one without the other) and
``measurements`` as an object of finite numbers. Further members are ignored.

Objects are written as *detections*: that is QuPath's type for what an algorithm found, made for
hundreds of thousands of measured outlines. Annotations are what a person draws and edits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import IO, Any, Literal
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.outlines import Polygon, trace_polygons

ObjectType = Literal["detection", "annotation"]

PALETTE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours of classes in turn, distinguishable by colour-blind people (Okabe and Ito)."""

_NAMESPACE = UUID("6d1f7c5e-3a0b-5b52-9d0f-0c8f5b6f2a11")
_NOT_MEASURED = ("index", "class")

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class FeatureStyle:
    """How label images become features.

    Parameters
    ----------
    classes : sequence of str
        Names of all classes; a class has the colour of its place.
    key : str
        Whatever tells this result from others (image, model): part of every UUID, so that the
        same request gives the same file and different ones never share an id.
    scale : (float, float)
        Full-resolution pixels per label pixel along y and x.
    offset : (float, float)
        Full-resolution pixel ``(x, y)`` at the upper left corner of the labels.
    object_type : {"detection", "annotation"}
        QuPath's type.
    """

    classes: Sequence[str]
    key: str = ""
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    object_type: ObjectType = "detection"


def features(
    labels: npt.NDArray[np.integer[Any]],
    table: Mapping[str, npt.NDArray[Any]],
    style: FeatureStyle,
) -> Iterator[str]:
    """Yield one JSON text per object.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    table : mapping of str to ndarray
        Columns of `measure_objects`, one row per id of `labels`. An empty class means none.
    style : FeatureStyle

    Yields
    ------
    str
        A feature; objects of several parts become a MultiPolygon.
    """
    properties = _Properties(table, style)
    for label, group in groupby(trace_polygons(labels), key=attrgetter("label")):
        coordinates = [_coordinates(polygon, style) for polygon in group]
        kind = "Polygon" if len(coordinates) == 1 else "MultiPolygon"
        shape = _encode(coordinates[0] if len(coordinates) == 1 else coordinates)
        identity = uuid5(_NAMESPACE, f"{style.key}\n{shape}")
        yield (
            f'{{"type":"Feature","id":"{identity}","geometry":{{"type":"{kind}",'
            f'"coordinates":{shape}}},"properties":{properties.of(label)}}}'
        )


def write_geojson(
    stream: IO[str], feature_texts: Iterable[str], members: Mapping[str, Any]
) -> None:
    """Write a FeatureCollection feature by feature.

    Parameters
    ----------
    stream : text stream
        Where to write.
    feature_texts : iterable of str
        Those of `features`.
    members : mapping
        Further members of the collection, such as ``um_per_px``; GeoJSON calls them foreign.
    """
    for _ in geojson_steps(stream, feature_texts, members):
        pass


def geojson_steps(
    stream: IO[str], feature_texts: Iterable[str], members: Mapping[str, Any]
) -> Iterator[int]:
    """Write as `write_geojson` does, and yield the number of features written after each."""
    stream.write('{"type":"FeatureCollection"')
    for name, value in members.items():
        stream.write(f",{_encode(name)}:{_encode(value)}")
    stream.write(',"features":[')
    separator = "\n"
    for number, text in enumerate(feature_texts, start=1):
        stream.write(separator + text)
        separator = ",\n"
        yield number
    stream.write("\n]}\n")


def six_digits(value: float) -> float:
    """Round to six significant digits: more is noise, and files stay small."""
    return float(f"{value:.6g}")


def _coordinates(polygon: Polygon, style: FeatureStyle) -> list[Any]:
    numbers = (*style.scale, *style.offset)
    if numbers == (1.0, 1.0, 0.0, 0.0):
        return [ring.tolist() for ring in polygon.rings]
    factors, offset = np.array(style.scale[::-1]), np.array(style.offset)
    placed = [ring * factors + offset for ring in polygon.rings]
    if all(number.is_integer() for number in map(float, numbers)):
        return [ring.astype(np.int64).tolist() for ring in placed]
    # Each axis keeps its order when rounded, so a valid outline stays valid.
    return [np.round(ring, 2).tolist() for ring in placed]


class _Properties:
    """The properties of one object at a time: all texts together would fill the memory."""

    def __init__(self, table: Mapping[str, npt.NDArray[Any]], style: FeatureStyle) -> None:
        self._row_of = {int(label): row for row, label in enumerate(table["index"])}
        self._columns = {name: table[name] for name in table if name not in _NOT_MEASURED}
        self._classes = table["class"]
        self._type = style.object_type
        self._kinds = {
            name: _encode({"name": name, "color": PALETTE[place % len(PALETTE)]})
            for place, name in enumerate(style.classes)
        }

    def of(self, label: int) -> str:
        """Return JSON."""
        row = self._row_of[label]
        values = {
            name: six_digits(column[row])
            for name, column in self._columns.items()
            if math.isfinite(column[row])  # JSON has no other numbers
        }
        name = str(self._classes[row])
        kind = f'"classification":{self._kinds[name]},' if name else ""
        return (
            f'{{"objectType":"{self._type}","name":"{label}",{kind}'
            f'"measurements":{_encode(values)}}}'
        )
