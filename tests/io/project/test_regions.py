"""Regions: GeoJSON there and back, and the pixels they cover."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import Project, Region, read_regions, write_regions
from napari_selfreg.io.project.reviewed import reviewed_mask
from tests.io.project.steps import SHAPE, new_field, new_project, picture

HOLED = Region(
    id="holed",
    points=((0.5, 0.25), (0.0, 20.0), (18.0, 20.0), (18.0, 0.0)),
    holes=(((4.0, 4.0), (4.0, 8.0), (8.0, 8.0)),),
)

coordinates = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8, unique=True).map(
    tuple
)


@given(st.lists(rings, max_size=4))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, drawn: list) -> None:
    path = tmp_path_factory.mktemp("regions") / "a.geojson"
    regions = tuple(Region(points=ring) for ring in drawn)
    write_regions(path, regions)
    assert read_regions(path) == regions


def test_holes_kinds_and_ids_are_kept_and_points_are_x_first(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    view = Region.rectangle(Box(1, 2, 5, 9), "view")
    write_regions(path, [HOLED, view])
    assert read_regions(path) == (HOLED, view)
    first = json.loads(path.read_text())["features"][0]
    assert first["properties"]["objectType"] == "annotation"
    assert first["geometry"]["coordinates"][0][:2] == [[0.25, 0.5], [20.0, 0.0]]


def test_an_area_of_two_parts_becomes_two_regions(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    parts = [[[[x, 0], [x + 2, 0], [x, 2], [x, 0]]] for x in (0, 10)]
    geometry = {"type": "MultiPolygon", "coordinates": parts}
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    path.write_text(json.dumps([{"type": "Feature", "geometry": g} for g in (geometry, line)]))
    one, two = read_regions(path)
    assert one.id != two.id
    assert two.points == ((0, 10), (0, 12), (2, 10))


HUGE = f'{{"type": "Polygon", "coordinates": [[[{10**400}, 0], [1, 1], [0, 1]]]}}'


@pytest.mark.parametrize("text", ["", "7", "[1]", '[{"geometry": {"type": "Polygon"}}]', HUGE])
def test_what_is_no_geojson_of_regions_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"a\.geojson"):
        read_regions(path)


@pytest.mark.parametrize("points", [[(0, 0), (1, 1)], [(0, 0), (1, 1), (float("nan"), 0)]])
def test_a_region_needs_three_real_corners(points: list) -> None:
    with pytest.raises(ValidationError):
        Region.from_points(points)


def test_a_region_covers_the_pixels_whose_centres_lie_inside(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        (record,) = project.fields
    box = Box(3, 5, 9, 20)
    wanted = np.zeros(SHAPE, bool)
    wanted[box.slices] = True
    np.testing.assert_array_equal(reviewed_mask([Region.rectangle(box)], record), wanted)
    assert not reviewed_mask([], record).any()
    holed = reviewed_mask([HOLED], record)
    assert holed[10, 10]
    assert not holed[4, 6]
    assert reviewed_mask([HOLED, Region.rectangle(Box(0, 0, 1, 1), "field")], record).all()


def test_regions_of_a_slide_are_placed_on_its_labels(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    field = new_field(image, offset=(100.0, 60.0), downsample=(4.0, 2.0), image_shape=(400, 400))
    with Project.create(tmp_path / "p", [field]) as project:
        (record,) = project.fields
    mask = reviewed_mask([Region.rectangle(Box(108, 64, 116, 80))], record)
    assert [tuple(axis) for axis in np.argwhere(mask)[[0, -1]]] == [(2, 2), (3, 9)]
    assert mask.sum() == 16


def features(path: Path, *ids: object) -> Path:
    ring = [[0, 0], [4, 0], [4, 4], [0, 0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    path.write_text(
        json.dumps([{"type": "Feature", "id": each, "geometry": geometry} for each in ids])
    )
    return path


def test_ids_of_other_programs_are_replaced_where_they_cannot_be_kept(tmp_path: Path) -> None:
    qupath = "{8d5f1c1e-0001}"
    long, words, number = "x" * 65, "an id with spaces/..", 7
    found = read_regions(features(tmp_path / "a.geojson", qupath, long, words, number, None))
    assert [found[0].id, found[3].id] == [qupath, "7"]
    assert {long, words, ""}.isdisjoint(region.id for region in found)
    assert len({region.id for region in found}) == 5


def test_two_regions_of_one_id_are_both_kept(tmp_path: Path) -> None:
    found = read_regions(features(tmp_path / "a.geojson", "same", "same", "other"))
    assert [found[0].id, found[2].id] == ["same", "other"]
    assert len({region.id for region in found}) == 3


def test_a_missing_file_of_regions_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.geojson"):
        read_regions(tmp_path / "a.geojson")


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "view", "field"])
def test_kinds_come_back_and_others_are_polygons(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "a.geojson"
    write_regions(path, [Region.rectangle(Box(0, 0, 2, 2), kind)])
    assert read_regions(path)[0].kind == kind
    path.write_text(path.read_text().replace(f'"{kind}"', '"Tumour"'))
    assert read_regions(path)[0].kind == "polygon"


def test_a_closed_outline_loses_its_repeated_corner() -> None:
    corners = [(0, 0), (0, 5), (5, 5)]
    closed, opened = Region.from_points([*corners, (0, 0)]), Region.from_points(corners)
    assert closed.points == opened.points == tuple(corners)
    np.testing.assert_array_equal(opened.array(), corners)
    assert closed.id != opened.id


@pytest.mark.parametrize("points", [[], [1, 2, 3], [(1, 2, 3)] * 3, [(0, 0), (1, 1), (0, 2e8)]])
def test_what_is_no_outline_is_refused(points: list) -> None:
    with pytest.raises(ValueError, match=r"outline|error"):
        Region.from_points(points)


def test_no_regions_are_a_file_without_any(tmp_path: Path) -> None:
    write_regions(tmp_path / "a.geojson", [])
    assert read_regions(tmp_path / "a.geojson") == ()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").mkdir()
    with pytest.raises(WriteError, match="a folder of that name is in the way"):
        write_regions(tmp_path / "a.geojson", [HOLED])
