from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from scipy.spatial.distance import directed_hausdorff

from napari_selfreg.core.metrics import object_hausdorff
from tests.core.metrics.maps import SHAPE, Map, drawn, masks, most_shared, small_maps


def test_a_shifted_box_is_as_far_as_the_shift() -> None:
    assert object_hausdorff(drawn((0, 0, 4, 4)), drawn((0, 3, 4, 7))) == 3.0


def test_objects_are_areas_not_outlines() -> None:
    # the small box lies inside: only the corners of the large one are away, by (3, 3)
    prediction, truth = drawn((4, 4, 6, 6)), drawn((1, 1, 9, 9))
    assert object_hausdorff(prediction, truth) == pytest.approx(math.hypot(3, 3))


def test_the_middle_of_a_filled_ring_is_the_farthest_pixel() -> None:
    disc = drawn((2, 2, 9, 9))
    ring = disc.copy()
    ring[3:8, 3:8] = 0
    assert object_hausdorff(disc, ring) == 3.0


def test_sides_are_weighted_by_area() -> None:
    truth = drawn((0, 0, 2, 2), (6, 0, 8, 6))  # 4 and 12 pixels
    prediction = drawn((0, 1, 2, 3), (6, 2, 8, 8))  # shifted by 1 and by 2
    assert object_hausdorff(prediction, truth) == pytest.approx((4 * 1 + 12 * 2) / 16)


def test_an_object_alone_is_compared_with_the_nearest() -> None:
    truth = drawn((0, 0, 2, 2), (0, 8, 2, 10))
    prediction = drawn((0, 0, 2, 2))
    # prediction side 0; truth side 4/8 of 0 and 4/8 of the 8 columns between both
    assert object_hausdorff(prediction, truth) == 0.5 * (0 + 0.5 * 8)


def test_spacing_turns_pixels_into_micrometres() -> None:
    near, far = drawn((0, 0, 2, 2)), drawn((4, 3, 6, 5))
    assert object_hausdorff(near, far, spacing=(0.5, 2.0)) == pytest.approx(math.hypot(2, 6))


def test_empty_maps() -> None:
    full, empty = drawn((0, 0, 2, 2)), drawn()
    assert object_hausdorff(empty, empty) == 0.0
    diagonal = math.hypot(SHAPE[0] - 1, SHAPE[1] - 1)
    assert object_hausdorff(full, empty) == object_hausdorff(empty, full) == diagonal


@settings(deadline=None, max_examples=60)
@given(small_maps, small_maps)
def test_it_is_the_definition_spelt_out(prediction: Map, truth: Map) -> None:
    if not prediction.any() or not truth.any():
        return
    expected = 0.5 * (_one_side(prediction, truth) + _one_side(truth, prediction))
    assert object_hausdorff(prediction, truth) == pytest.approx(expected)


def _one_side(objects: Map, others: Map) -> float:
    total = 0.0
    for mask in masks(objects):
        partner = most_shared(mask, others)
        partners = masks(others) if partner is None else [partner]
        total += min(_hausdorff(mask, other) for other in partners) * mask.sum()
    return total / np.count_nonzero(objects)


def _hausdorff(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    distances = np.linalg.norm(np.argwhere(a)[:, None] - np.argwhere(b)[None], axis=-1)
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


SPACING = (2.0, 0.5)


def scipys_distance(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    one, other = np.argwhere(first) * SPACING, np.argwhere(second) * SPACING
    return max(directed_hausdorff(one, other)[0], directed_hausdorff(other, one)[0])


@given(small_maps, small_maps)
@settings(max_examples=60)
def test_one_object_on_each_side_is_scipys_distance(prediction: Map, truth: Map) -> None:
    one, other = (prediction > 0).astype(np.int32), (truth > 0).astype(np.int32)
    if one.any() and other.any():
        wanted = scipys_distance(one > 0, other > 0)
        assert object_hausdorff(one, other, SPACING) == pytest.approx(wanted)


@given(small_maps, small_maps)
@settings(max_examples=60)
def test_prediction_and_truth_may_change_places(prediction: Map, truth: Map) -> None:
    assert object_hausdorff(prediction, truth) == pytest.approx(object_hausdorff(truth, prediction))


@given(small_maps, small_maps)
@settings(max_examples=40)
def test_turning_the_picture_turns_the_spacing(prediction: Map, truth: Map) -> None:
    upright = object_hausdorff(prediction, truth, SPACING)
    turned = object_hausdorff(
        np.ascontiguousarray(prediction.T), np.ascontiguousarray(truth.T), (0.5, 2.0)
    )
    assert upright == pytest.approx(turned)
    assert upright <= math.hypot((SHAPE[0] - 1) * 2.0, (SHAPE[1] - 1) * 0.5) + 1e-9


@given(small_maps)
@settings(max_examples=40)
def test_an_object_is_at_no_distance_from_itself(labels: Map) -> None:
    assert object_hausdorff(labels, labels) == 0.0
