"""Reviewed pixels: holes, corners, places beside the picture, several regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.types import Box
from napari_selfreg.io.project import Region
from napari_selfreg.io.project.manifest import ProjectField
from napari_selfreg.io.project.reviewed import extent, on_labels, reviewed_mask, reviewed_part
from tests.io.project.steps import SHAPE
from tests.io.project.test_manifest import FIELD

PLAIN = ProjectField(**{**FIELD, "offset": (0, 0), "downsample": (1, 1), "image_shape": SHAPE})
PLACED = ProjectField(**{**FIELD, "offset": (100, 60), "downsample": (4, 2)})

boxes = st.tuples(
    st.integers(-8, 30), st.integers(-8, 40), st.integers(1, 30), st.integers(1, 30)
).map(lambda box: Box(box[0], box[1], box[0] + box[2], box[1] + box[3]))


def filled(box: Box) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[max(0, box.y0) : max(0, box.y1), max(0, box.x0) : max(0, box.x1)] = True
    return mask


def test_the_extent_is_in_pixels_of_the_image() -> None:
    rows, columns = PLACED.shape
    assert extent(PLACED) == Box(100, 60, 100 + 4 * rows, 60 + 2 * columns)
    assert extent(PLAIN) == Box(0, 0, *SHAPE)


@given(st.lists(boxes, max_size=4))
def test_rectangles_cover_their_pixels_as_far_as_the_picture_goes(drawn: list[Box]) -> None:
    wanted = np.zeros(SHAPE, bool)
    for box in drawn:
        wanted |= filled(box)
    found = reviewed_mask(map(Region.rectangle, drawn), PLAIN)
    np.testing.assert_array_equal(found, wanted)


@given(boxes, boxes)
def test_a_hole_is_not_reviewed_wherever_it_lies(outer: Box, inner: Box) -> None:
    region = Region(points=Region.rectangle(outer).points, holes=(Region.rectangle(inner).points,))
    wanted = filled(outer) & ~filled(inner)
    np.testing.assert_array_equal(reviewed_mask([region], PLAIN), wanted)


def test_a_hole_in_one_region_may_be_reviewed_in_another() -> None:
    hole = Box(4, 4, 8, 8)
    region = Region(
        points=Region.rectangle(Box(2, 2, 20, 20)).points, holes=(Region.rectangle(hole).points,)
    )
    found = reviewed_mask([region, Region.rectangle(Box(5, 5, 6, 6))], PLAIN)
    assert found[hole.slices].sum() == 1
    assert found[5, 5]


@pytest.mark.parametrize(
    "box", [Box(-9, -9, -2, -2), Box(100, 100, 120, 120), Box(0, 32, 5, 40), Box(24, 0, 30, 9)]
)
def test_a_region_beside_the_picture_covers_nothing(box: Box) -> None:
    assert not reviewed_mask([Region.rectangle(box)], PLAIN).any()


def test_no_region_is_nothing_and_field_done_is_all() -> None:
    assert not reviewed_mask([], PLAIN).any()
    speck = Region.rectangle(Box(0, 0, 1, 1), "field")
    assert reviewed_mask([Region.rectangle(Box(3, 3, 4, 4)), speck], PLACED).all()


@pytest.mark.parametrize(("edge", "covered"), [(2.51, 3), (2.49, 2), (0.6, 1), (0.4, 0)])
def test_the_centre_of_a_pixel_decides(edge: float, covered: int) -> None:
    region = Region(points=((0, 0), (0, edge), (1, edge), (1, 0)))
    assert reviewed_mask([region], PLAIN)[0].sum() == covered


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=1))
def test_points_are_moved_onto_the_labels_and_back(points: list[tuple[int, int]]) -> None:
    moved = on_labels(points, PLACED)
    assert moved.shape == (len(points), 2)
    np.testing.assert_allclose(moved * (4, 2) + (100, 60), points)


def test_a_corner_of_the_labels_is_their_first_corner() -> None:
    assert on_labels([(100, 60), (104, 62)], PLACED).tolist() == [[0, 0], [1, 1]]


@given(st.lists(boxes, max_size=3), boxes)
def test_the_reviewed_part_of_a_box_is_that_of_the_mask(drawn: list[Box], box: Box) -> None:
    inside = box.intersect(Box(0, 0, *SHAPE))
    if inside.empty:
        inside = Box(0, 0, 1, 1)
    for record in (PLAIN, PLACED):
        regions = [Region.rectangle(one) for one in drawn]
        wanted = reviewed_mask(regions, record)[inside.slices].mean()
        assert reviewed_part(regions, record, inside) == pytest.approx(wanted)


def test_all_of_a_done_field_is_reviewed() -> None:
    done = Region.rectangle(Box(0, 0, 1, 1), "field")
    assert reviewed_part([done], PLACED, Box(3, 4, 9, 9)) == 1
