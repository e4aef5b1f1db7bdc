"""What QuPath draws and what we write comes back as labels."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import label as connected

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.geojson import FeatureStyle, features, write_geojson
from napari_selfreg.io.geojson_labels import read_geojson
from napari_selfreg.io.qupath_tiles import SlidePlace
from tests.memory import little_memory

SQUARE = [[2, 1], [6, 1], [6, 4], [2, 4], [2, 1]]
HOLE = [[3, 2], [3, 3], [5, 3], [5, 2], [3, 2]]


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def saved(folder: Path, document: Any, name: str = "a.geojson") -> Path:
    path = folder / name
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def collection(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(items)}


def round_trip(folder: Path, labels: np.ndarray, style: FeatureStyle, place: Any) -> Any:
    ids = np.unique(labels[labels > 0])
    names = np.array([style.classes[i % 2] for i in ids], dtype=object)
    table = {"index": ids, "area_um2": ids * 1.0, "class": names}
    path = folder / "round.geojson"
    with path.open("w") as stream:
        write_geojson(stream, features(labels, table, style), {})
    return read_geojson(path, labels.shape, place), dict(zip(ids.tolist(), names, strict=True))


@settings(max_examples=30)
@given(
    arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 5)),
    st.sampled_from([(1.0, 1.0), (2.0, 2.0), (1.62, 1.61)]),
    st.sampled_from([(0.0, 0.0), (4096.0, 77.0), (-3.5, 12.25)]),
)
def test_objects_come_back_as_the_same_labels(
    tmp_path_factory: pytest.TempPathFactory,
    labels: np.ndarray,
    scale: tuple[float, float],
    offset: tuple[float, float],
) -> None:
    labels = np.where(labels == 5, 900, labels).astype(np.int32)  # with a gap
    if not labels.any():
        return
    style = FeatureStyle(("gland", "tumour"), "k", scale, offset)
    place = SlidePlace(*offset, scale)
    back, classes = round_trip(tmp_path_factory.mktemp("r"), labels, style, place)
    assert np.array_equal(back.labels, labels)
    assert back.classes == classes
    assert back.passed_over == 0


def test_holes_several_parts_and_classes(tmp_path: Path) -> None:
    first, second = [[8, 0], [9, 0], [9, 1], [8, 1]], [[8, 3], [9, 3], [9, 4], [8, 4]]
    gland = {"name": "Gland", "color": [1, 2, 3]}
    tumour = {"names": ["Tumour", "Positive"], "color": [1, 2, 3]}
    document = collection(
        feature("Polygon", [SQUARE, HOLE], classification=gland),
        feature("MultiPolygon", [[first], [second]], classification=tumour),
        feature("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]),
    )
    found = read_geojson(saved(tmp_path, document), (5, 10))
    expected = np.zeros((5, 10), int)
    expected[1:4, 2:6] = 1
    expected[2, 3:5] = 0
    expected[[0, 3], 8] = 2
    expected[0, 0] = 3
    assert np.array_equal(found.labels, expected)
    assert found.classes == {1: "Gland", 2: "Tumour: Positive"}


def test_the_smaller_of_two_is_on_top_whatever_the_order(tmp_path: Path) -> None:
    small = feature("Polygon", [HOLE], name="inner")
    large = feature("Polygon", [SQUARE], name="outer")
    for items, inner in (((small, large), 1), ((large, small), 2)):
        labels = read_geojson(saved(tmp_path, collection(*items)), (5, 10)).labels
        assert labels[2, 3] == inner
        assert labels[1, 2] == 3 - inner


def test_a_high_number_takes_no_more_memory_than_a_low_one(tmp_path: Path) -> None:
    items = [feature("Polygon", [SQUARE], name="99999998", classification={"name": "Gland"})]
    path = saved(tmp_path, collection(*items, feature("Polygon", [HOLE], name="7")))
    with little_memory():
        found = read_geojson(path, (5, 10))
    assert np.unique(found.labels).tolist() == [0, 7, 99999998]
    assert found.classes == {99999998: "Gland"}


@pytest.mark.parametrize("names", [("1", "01"), ("00", "1"), ("0", "1"), ("2", "2")])
def test_names_of_one_number_or_of_the_background_are_no_ids(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    rings = ([SQUARE], [[[x + 5, y] for x, y in SQUARE]])
    items = [feature("Polygon", ring, name=name) for ring, name in zip(rings, names, strict=True)]
    labels = read_geojson(saved(tmp_path, collection(*items)), (5, 15)).labels
    assert np.unique(labels).tolist() == [0, 1, 2]


def test_the_file_of_qupath(shared_data: Path) -> None:
    path = shared_data / "slides" / "qupath05.geojson"
    found = read_geojson(path, (2000, 3000), SlidePlace(0, 0, (4.0, 4.0)))
    assert len(np.unique(found.labels)) == 4
    assert set(found.classes) <= {1, 2, 3}
    for number in (1, 2, 3):
        assert connected(found.labels == number).max() == 1


@pytest.mark.parametrize("name", ["a.geojson.gz", "a.json"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, collection(feature("Polygon", [SQUARE])), name)
    assert read_geojson(path, (5, 10)).labels.sum() == 12


@pytest.mark.parametrize(
    "document",
    [
        [feature("Polygon", [SQUARE])],
        feature("Polygon", [SQUARE]),
        {"type": "Polygon", "coordinates": [SQUARE]},
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "Polygon", "coordinates": [SQUARE]}],
        },
    ],
)
def test_other_forms_of_the_document(tmp_path: Path, document: Any) -> None:
    assert read_geojson(saved(tmp_path, document), (5, 10)).labels.sum() == 12


def test_points_and_what_lies_outside_are_passed_over(tmp_path: Path) -> None:
    document = collection(
        feature("Point", [1, 2]),
        feature("LineString", [[1, 2], [3, 4]]),
        feature("Polygon", [[[50, 50], [60, 50], [60, 60], [50, 50]]]),
        {"type": "Feature", "geometry": None, "properties": {}},
        feature("Polygon", [SQUARE]),
    )
    found = read_geojson(saved(tmp_path, document), (5, 10))
    assert np.count_nonzero(found.labels) == 12
    assert found.passed_over == 4


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "damaged or no GeoJSON"),
        (b"[" * 100_000, "damaged or no GeoJSON"),
        (b'{"features": [3]}', "no GeoJSON of outlines"),
        (b'"text"', "no GeoJSON of outlines"),
        (collection(), "no outline inside"),
        (collection(feature("Point", [1, 2])), "no outline inside"),
        (collection(feature("Polygon", [[[0, 0], [1, None], [1, 1]]])), "no GeoJSON of outlines"),
        (collection(feature("Polygon", [[[0, 0], [1e300, 0], [1, 1]]])), "no GeoJSON of outlines"),
        (collection(feature("Polygon", [[[0, 0], [10**400, 0], [1, 1]]])), "no GeoJSON of outline"),
    ],
)
def test_faults_in_one_sentence(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        read_geojson(saved(tmp_path, document), (5, 10))
    assert str(caught.value).startswith("a.geojson")


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        read_geojson(tmp_path / "none.geojson", (5, 10))
    (tmp_path / "cut.geojson.gz").write_bytes(gzip.compress(b"{}" * 900)[:-9])
    with pytest.raises(BadInputError, match="damaged"):
        read_geojson(tmp_path / "cut.geojson.gz", (5, 10))
