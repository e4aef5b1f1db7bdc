"""Regions: areas of an image that a person has reviewed.

Points are ``(y, x)`` in pixels of the image at full resolution. As in QuPath, whole numbers are
corners of pixels: the image spans ``0 … height`` and ``0 … width``, and the centre of its first
pixel lies at ``(0.5, 0.5)``. (napari puts that centre at ``(0, 0)``.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.geojson import write_geojson
from napari_selfreg.io.geojson_labels import (
    NOT_GEOJSON,
    area_polygons,
    geojson_features,
    load_geojson,
)

RegionKind = Literal["rectangle", "polygon", "view", "field"]
"""How it was drawn; "field" is all of the image (*Field done*)."""

_ID = r"[\w{}-]{1,64}"

_KINDS: tuple[RegionKind, ...] = ("rectangle", "polygon", "view", "field")

Coordinate = Annotated[float, Field(ge=-1e8, le=1e8)]
Ring = Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=3, max_length=100_000)]


class Region(BaseModel):
    """One reviewed area.

    Parameters
    ----------
    id : str
        Stays the same when the region is changed.
    points : tuple of (float, float)
        Outline as ``(y, x)`` in image pixels, not closed; see the module for where they lie.
    holes : tuple of outlines
        Parts inside that were not reviewed.
    kind : {"rectangle", "polygon", "view", "field"}
        How it was drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(default_factory=lambda: uuid4().hex, pattern=f"^{_ID}$")
    points: Ring
    holes: tuple[Ring, ...] = ()
    kind: RegionKind = "polygon"

    @classmethod
    def from_points(cls, points: npt.ArrayLike, kind: RegionKind = "polygon") -> Self:
        """Return a new region of an outline, shape (n, 2) as ``(y, x)``."""
        return cls(points=_ring(np.asarray(points, np.float64)), kind=kind)

    @classmethod
    def rectangle(cls, box: Box, kind: RegionKind = "rectangle") -> Self:
        """Return a new region of whole pixels."""
        corners = [(box.y0, box.x0), (box.y0, box.x1), (box.y1, box.x1), (box.y1, box.x0)]
        return cls.from_points(corners, kind)

    def array(self) -> npt.NDArray[np.float64]:
        """Return the outline, shape (n, 2) as ``(y, x)``."""
        return np.array(self.points, np.float64)


def write_regions(path: str | Path, regions: Iterable[Region]) -> None:
    """Write regions as GeoJSON in image pixels, which QuPath reads as annotations.

    Parameters
    ----------
    path : path-like
        Target.
    regions : iterable of Region

    Raises
    ------
    WriteError
        If the file cannot be written; nothing is left behind.
    """
    texts = [_feature(region) for region in regions]
    with atomic_write(path, "w") as stream:
        write_geojson(stream, texts, {})


def read_regions(path: str | Path) -> tuple[Region, ...]:
    """Read the areas of a GeoJSON file; lines and points are passed over.

    Parameters
    ----------
    path : path-like
        From `write_regions` or QuPath, in pixels of the image.

    Returns
    -------
    tuple of Region
        In the order of the file; an area of several parts becomes several regions.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    file = Path(path)
    try:
        features = list(geojson_features(load_geojson(file)))
        return _distinct(region for feature in features for region in _regions(feature))
    except NOT_GEOJSON as error:
        raise BadInputError(
            f"{file.name} is no GeoJSON of regions: export it from QuPath again."
        ) from error


def _feature(region: Region) -> str:
    import json

    rings = [[[x, y] for y, x in (*ring, ring[0])] for ring in (region.points, *region.holes)]
    return json.dumps(
        {
            "type": "Feature",
            "id": region.id,
            "geometry": {"type": "Polygon", "coordinates": rings},
            "properties": {"objectType": "annotation", "name": region.kind},
        },
        separators=(",", ":"),
        allow_nan=False,
    )


def _regions(feature: dict[str, Any]) -> list[Region]:
    properties = feature.get("properties") or {}
    name = properties.get("name")
    kind = next((each for each in _KINDS if each == name), _KINDS[1])
    polygons = [
        [_ring(np.array([point[:2] for point in ring], np.float64)[:, ::-1]) for ring in rings]
        for rings in area_polygons(feature["geometry"] or {"type": "none"})
        if rings
    ]
    identity = str(feature.get("id") or "")
    known = {"id": identity} if len(polygons) == 1 and re.fullmatch(_ID, identity) else {}
    return [
        Region(points=rings[0], holes=tuple(rings[1:]), kind=kind, **known) for rings in polygons
    ]


def _distinct(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Return regions with a new id for those whose own another one has already."""
    found: dict[str, Region] = {}
    for region in regions:
        one = region.model_copy(update={"id": uuid4().hex}) if region.id in found else region
        found[one.id] = one
    return tuple(found.values())


def _ring(points: npt.NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Return ``(y, x)`` pairs without the repeated end of a closed outline."""
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError("an outline is a list of points")
    if len(points) > 1 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    return tuple((float(y), float(x)) for y, x in points)
