"""QuPath 0.6 can read what is written, and it encloses exactly the pixels."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely.geometry import shape

from napari_selfreg.io.geojson import PALETTE, FeatureStyle, features, write_geojson

Labels = npt.NDArray[np.int32]
STYLE = FeatureStyle(("gland", "tumour"), key="field")


def table_of(labels: Labels, class_name: str = "gland") -> dict[str, npt.NDArray[Any]]:
    ids, sizes = np.unique(labels[labels > 0], return_counts=True)
    return {
        "index": ids.astype(np.int32),
        "area_um2": sizes * 0.25,
        "eccentricity": np.full(ids.size, 1 / 3),
        "class": np.full(ids.size, class_name),
    }


def written(labels: Labels, style: FeatureStyle = STYLE, **members: Any) -> dict[str, Any]:
    stream = io.StringIO()
    write_geojson(stream, features(labels, table_of(labels), style), members)
    document: dict[str, Any] = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    return document


def read_as_qupath(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Follow QuPath's reader: what it cannot read raises, what it ignores is dropped."""
    assert document["type"] == "FeatureCollection"
    objects = []
    for feature in document["features"]:
        assert feature["type"] == "Feature"
        geometry = shape(feature["geometry"])
        assert geometry.geom_type in ("Polygon", "MultiPolygon")
        assert geometry.is_valid
        properties = feature["properties"]
        assert properties["objectType"] in ("annotation", "detection", "cell", "tile")
        kind = properties.get("classification")
        if kind is not None:
            assert {"name", "color"} <= set(kind)  # one without the other is an exception there
            assert len(kind["color"]) == 3
            assert all(isinstance(c, int) and 0 <= c <= 255 for c in kind["color"])
        measurements = properties.get("measurements", {})
        assert isinstance(measurements, dict)
        assert all(isinstance(v, int | float) and math.isfinite(v) for v in measurements.values())
        objects.append(
            {
                "id": UUID(feature["id"]),
                "geometry": geometry,
                "type": properties["objectType"],
                "class": kind,
                "measurements": measurements,
                "name": properties.get("name"),
            }
        )
    assert len({item["id"] for item in objects}) == len(objects)
    return objects


def rings_of(geometry: dict[str, Any]) -> list[list[list[float]]]:
    coordinates = geometry["coordinates"]
    return coordinates if geometry["type"] == "Polygon" else [r for p in coordinates for r in p]


def test_a_file_of_qupath_passes_the_same_reader(shared_data: Path) -> None:
    text = (shared_data / "slides" / "qupath05.geojson").read_text()
    theirs = json.loads(text)
    assert len(read_as_qupath(theirs)) == 3
    ours = written(np.ones((3, 4), np.int32))
    for document in (theirs, ours):
        for feature in document["features"]:
            assert set(feature) == {"type", "id", "geometry", "properties"}
            assert set(feature["geometry"]) == {"type", "coordinates"}
            assert all(ring[0] == ring[-1] for ring in rings_of(feature["geometry"]))


def test_one_object_in_full() -> None:
    labels = np.zeros((4, 6), np.int32)
    labels[1:3, 2:6] = 5
    (item,) = read_as_qupath(written(labels))
    assert item["type"] == "detection"
    assert item["name"] == "5"
    assert item["class"] == {"name": "gland", "color": list(PALETTE[0])}
    assert item["measurements"] == {"area_um2": 2.0, "eccentricity": 0.333333}
    assert item["geometry"].equals(shapely.box(2, 1, 6, 3))


def test_foreign_members_say_where_it_comes_from() -> None:
    document = written(np.ones((2, 2), np.int32), um_per_px=0.5, um_per_px_source="file")
    assert document["um_per_px"] == 0.5
    assert document["um_per_px_source"] == "file"


def test_no_object_is_an_empty_collection() -> None:
    assert written(np.zeros((2, 2), np.int32))["features"] == []


def test_the_same_request_gives_the_same_text_and_another_one_other_ids() -> None:
    labels = np.kron(np.arange(9).reshape(3, 3), np.ones((4, 4), int)).astype(np.int32)
    assert written(labels) == written(labels)
    ids = set()
    for key in ("field", "field 2", "field\nmodel"):
        document = written(labels, FeatureStyle(("gland",), key))
        ids |= {item["id"] for item in document["features"]}
    assert len(ids) == 3 * 8


def test_values_that_json_lacks_are_left_out() -> None:
    labels = np.ones((1, 1), np.int32)
    table = table_of(labels) | {"solidity": np.array([np.nan]), "mean": np.array([np.inf])}
    (text,) = features(labels, table, STYLE)
    assert set(json.loads(text)["properties"]["measurements"]) == {"area_um2", "eccentricity"}


def test_each_class_has_its_colour_and_names_may_hold_quotes() -> None:
    labels = np.array([[1, 0, 2]], np.int32)
    names = ('"a"', "b: c")
    table = table_of(labels) | {"class": np.array(names)}
    kinds = [
        json.loads(text)["properties"]["classification"]
        for text in features(labels, table, FeatureStyle(names))
    ]
    assert [kind["name"] for kind in kinds] == list(names)
    assert [tuple(kind["color"]) for kind in kinds] == list(PALETTE[:2])


def test_annotations_on_request() -> None:
    style = FeatureStyle(("gland",), object_type="annotation")
    assert read_as_qupath(written(np.ones((2, 2), np.int32), style))[0]["type"] == "annotation"


LABELS = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=10), elements=st.integers(0, 3)
)


@settings(deadline=None, max_examples=100)
@given(LABELS)
def test_one_valid_feature_per_id_with_its_area(labels: Labels) -> None:
    items = read_as_qupath(written(labels))
    ids = np.unique(labels[labels > 0])
    assert sorted(int(item["name"]) for item in items) == ids.tolist()
    for item in items:
        assert item["geometry"].area == (labels == int(item["name"])).sum()


@settings(deadline=None, max_examples=100)
@given(LABELS, st.tuples(st.floats(0.1, 40), st.floats(0.1, 40)))
def test_outlines_of_a_coarse_level_stay_valid_after_rounding(
    labels: Labels, scale: tuple[float, float]
) -> None:
    for item in read_as_qupath(written(labels, FeatureStyle(("gland",), scale=scale))):
        pixels = (labels == int(item["name"])).sum() * scale[0] * scale[1]
        assert item["geometry"].area == pytest.approx(pixels, abs=1.5 + 0.02 * pixels)
        coordinates = shapely.get_coordinates(item["geometry"])
        np.testing.assert_array_equal(coordinates, coordinates.round(2))
