"""Outlines enclose exactly the pixels of an object and are valid polygons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_selfreg.core.outlines import Polygon, trace_polygons
from tests.core.digits import picture

shapely = pytest.importorskip("shapely")

Labels = npt.NDArray[np.int32]


def shape_of(polygon: Polygon) -> shapely.Polygon:
    return shapely.Polygon(polygon.rings[0], polygon.rings[1:])


def test_one_pixel_is_one_square() -> None:
    (polygon,) = trace_polygons(picture("000 000 007"))
    assert polygon.label == 7
    assert polygon.rings[0].tolist() == [[2, 2], [3, 2], [3, 3], [2, 3], [2, 2]]


def test_straight_sides_have_no_corners_between() -> None:
    (polygon,) = trace_polygons(np.ones((40, 30), np.int32))
    assert polygon.rings[0].tolist() == [[0, 0], [30, 0], [30, 40], [0, 40], [0, 0]]


def test_a_hole_is_kept_and_runs_the_other_way() -> None:
    (polygon,) = trace_polygons(picture("111 101 111"))
    shell, hole = (shapely.LinearRing(ring) for ring in polygon.rings)
    assert shell.is_ccw
    assert not hole.is_ccw
    assert shape_of(polygon).area == 8


@pytest.mark.parametrize(
    ("text", "rings"),
    [
        ("1111 1001 1010 1111", 2),  # an inner corner touches the shell's inside
        ("11111 10101 11011 10101 11111", 6),  # the middle hole meets four others
        ("0110 1101 1011 0110", 2),  # two parts interlock
        ("111 101 110", 2),  # the hole touches the outside at one corner
    ],
)
def test_corners_that_touch_give_valid_polygons(text: str, rings: int) -> None:
    labels = picture(text)
    polygons = list(trace_polygons(labels))
    assert sum(len(polygon.rings) for polygon in polygons) == rings
    assert all(shapely.is_valid(shape_of(polygon)) for polygon in polygons)
    assert sum(shape_of(polygon).area for polygon in polygons) == labels.sum()


def test_parts_that_touch_at_a_corner_are_two_polygons_of_one_object() -> None:
    polygons = list(trace_polygons(picture("30 03")))
    assert [polygon.label for polygon in polygons] == [3, 3]


def test_nothing_gives_nothing() -> None:
    assert list(trace_polygons(np.zeros((4, 4), np.int32))) == []
    assert list(trace_polygons(np.zeros((0, 4), np.int32))) == []


def test_an_object_inside_a_hole_has_its_own_outline() -> None:
    outer, inner = trace_polygons(picture("11111 10001 10201 10001 11111"))
    assert (shape_of(outer).area, shape_of(inner).area) == (16, 1)
    assert shapely.disjoint(shape_of(outer), shape_of(inner))


LABELS = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3)
)


@settings(deadline=None, max_examples=300)
@given(LABELS, st.integers(1, 150))
def test_every_outline_is_valid_and_exact(labels: Labels, band: int) -> None:
    found: dict[int, float] = {}
    parts: dict[int, int] = {}
    for polygon in trace_polygons(labels, band=band):
        shape = shape_of(polygon)
        assert shape.is_valid
        assert all((ring[0] == ring[-1]).all() for ring in polygon.rings)
        # Every pixel inside belongs to the object: sample the centres.
        y, x = np.nonzero(labels == polygon.label)
        inside = shapely.contains_xy(shape, x + 0.5, y + 0.5)
        assert inside.sum() == shape.area
        found[polygon.label] = found.get(polygon.label, 0) + shape.area
        parts[polygon.label] = parts.get(polygon.label, 0) + 1
    for label in range(1, 4):
        assert found.get(label, 0) == (labels == label).sum()
        assert parts.get(label, 0) == ndimage.label(labels == label)[1]


@settings(deadline=None, max_examples=50)
@given(LABELS)
def test_polygons_of_different_objects_never_overlap(labels: Labels) -> None:
    shapes = [shape_of(polygon) for polygon in trace_polygons(labels)]
    assert shapely.union_all(shapes).area == sum(shape.area for shape in shapes)


def test_bands_change_nothing_but_memory() -> None:
    labels = np.random.default_rng(0).integers(0, 50, (60, 40)).astype(np.int32)
    whole = sorted(
        (polygon.label, tuple(map(tuple, polygon.rings[0].tolist())))
        for polygon in trace_polygons(labels)
    )
    banded = sorted(
        (polygon.label, tuple(map(tuple, polygon.rings[0].tolist())))
        for polygon in trace_polygons(labels, band=80)
    )
    assert whole == banded
