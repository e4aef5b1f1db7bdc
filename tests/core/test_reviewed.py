"""Regions as masks, and targets that unreviewed labels cannot change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.reviewed import review_mask, reviewed_classes, reviewed_parts
from napari_selfreg.core.targets import IGNORE, contour_target, reviewed_contour
from napari_selfreg.core.types import PixelSize

SIDE = 14
LABELS = arrays(np.int32, (SIDE, SIDE), elements=st.integers(0, 3))
MASKS = arrays(np.bool_, (SIDE, SIDE))
SIZES = st.sampled_from([PixelSize(1.0, 1.0), PixelSize(0.5, 1.5)])


@given(LABELS, LABELS, MASKS, st.floats(0.5, 5), SIZES)
def test_what_nobody_reviewed_changes_no_target(
    labels: np.ndarray, others: np.ndarray, reviewed: np.ndarray, width: float, size: PixelSize
) -> None:
    changed = np.where(reviewed, labels, others)
    for target in (
        lambda ids: reviewed_classes(ids, 3, reviewed),
        lambda ids: reviewed_contour(ids, width, size, reviewed),
    ):
        np.testing.assert_array_equal(target(labels), target(changed))
    assert np.all(reviewed_contour(labels, width, size, reviewed)[~reviewed] == IGNORE)


@given(LABELS, LABELS, MASKS, st.floats(0.5, 5), SIZES)
def test_contours_that_count_are_those_of_any_layer_with_the_same_truth(
    labels: np.ndarray, others: np.ndarray, reviewed: np.ndarray, width: float, size: PixelSize
) -> None:
    target = reviewed_contour(labels, width, size, reviewed)
    counted = target != IGNORE
    for whole in (labels, np.where(reviewed, labels, others)):
        expected = contour_target(whole, width, size)
        np.testing.assert_array_equal(target[counted], expected[counted])


@given(LABELS, st.floats(0.5, 5), SIZES)
def test_all_reviewed_is_the_plain_contour(
    labels: np.ndarray, width: float, size: PixelSize
) -> None:
    target = reviewed_contour(labels, width, size, np.ones_like(labels, bool))
    np.testing.assert_array_equal(target, contour_target(labels, width, size))


@given(arrays(np.float64, (5, 2), elements=st.floats(-4, 44)))
def test_a_region_is_the_same_in_bands_of_rows(ring: np.ndarray) -> None:
    from napari_selfreg.core import reviewed

    shape, usual = (40, 37), reviewed._BAND
    whole = review_mask(shape, [[ring]])
    try:
        reviewed._BAND = 7
        banded = review_mask(shape, [[ring]])
    finally:
        reviewed._BAND = usual
    np.testing.assert_array_equal(banded, whole)


def test_an_object_that_leaves_the_region_has_no_certain_end() -> None:
    labels = np.zeros((9, 20), np.int32)
    labels[2:7, 4:20] = 1
    reviewed = np.zeros(labels.shape, bool)
    reviewed[:, :12] = True
    target = reviewed_contour(labels, 2.0, PixelSize(1.0, 1.0), reviewed)
    assert target[4, 4] == 1  # its reviewed end
    assert target[4, 11] == IGNORE  # it may end there
    assert target[4, 8] == 0
    assert target[0, 11] == 0  # background has no contour, wherever objects end


@given(st.integers(0, SIDE), st.integers(0, SIDE), st.integers(0, SIDE), st.integers(0, SIDE))
def test_rectangles_of_whole_pixels_are_exact(y0: int, x0: int, y1: int, x1: int) -> None:
    (y0, y1), (x0, x1) = sorted((y0, y1)), sorted((x0, x1))
    expected = np.zeros((SIDE, SIDE), bool)
    expected[y0:y1, x0:x1] = True
    ring = [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]
    np.testing.assert_array_equal(review_mask((SIDE, SIDE), [[ring]]), expected)


def test_holes_and_overlaps() -> None:
    outer = [(0, 0), (0, 10), (10, 10), (10, 0)]
    hole = [(2, 2), (2, 8), (8, 8), (8, 2)]
    inner = [(4, 4), (4, 6), (6, 6), (6, 4)]
    mask = review_mask((12, 12), [(outer, hole), (inner,)])
    assert mask.sum() == 100 - 36 + 4
    assert mask[5, 5]
    assert not mask[3, 3]
    assert not review_mask((12, 12), []).any()
    far = [(50, 50), (50, 60), (60, 60)]
    assert not review_mask((12, 12), [[far]]).any()


@pytest.mark.parametrize(
    "ring", [[(0, 0), (1, 1)], [0, 1, 2], [(0, 0), (1, float("nan")), (2, 0)], np.zeros((4, 3))]
)
def test_rings_that_enclose_nothing_are_refused(ring: object) -> None:
    with pytest.raises(BadInputError, match="draw it again"):
        review_mask((5, 5), [[ring]])


@given(MASKS)
def test_parts_are_the_mask_taken_apart(mask: np.ndarray) -> None:
    total = np.zeros(mask.shape, int)
    sizes = []
    for box, own in reviewed_parts(mask):
        assert own.shape == box.shape
        total[box.slices] += own
        sizes.append(own.sum())
    np.testing.assert_array_equal(total, mask)
    assert sizes == sorted(sizes, reverse=True)


def test_classes_outside_of_the_model_count_only_where_reviewed() -> None:
    labels = np.array([[0, 1, 2, 9]])
    reviewed = np.array([[True, True, True, False]])
    target = reviewed_classes(labels, 2, reviewed)
    assert target.tolist() == [[0, 1, 2, IGNORE]]
    assert reviewed_classes(labels, 1, reviewed).tolist() == [[0, 1, 1, IGNORE]]
    with pytest.raises(ValueError, match="class id 9"):
        reviewed_classes(labels, 2, np.ones_like(reviewed))
