from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from napari_selfreg.core.metrics import object_dice, object_f1
from tests.core.metrics.maps import Map, drawn, masks, most_shared, small_maps

EMPTY = drawn()


def test_f1_counts_found_missed_and_invented() -> None:
    truth = drawn((0, 0, 4, 4), (0, 8, 4, 12), (8, 0, 12, 4))
    prediction = drawn((0, 0, 4, 3), (0, 8, 4, 9), (8, 8, 10, 10), (11, 0, 12, 1))
    # only the first covers half of its truth: 1 of 4 predictions, 1 of 3 objects
    assert object_f1(prediction, truth) == pytest.approx(2 * 1 / (4 + 3))


def test_f1_accepts_exactly_half_and_not_one_pixel_less() -> None:
    truth = drawn((0, 0, 4, 4))
    assert object_f1(drawn((0, 0, 4, 2)), truth) == 1.0
    less = drawn((0, 0, 4, 2))
    less[0, 0] = 0
    assert object_f1(less, truth) == 0.0


def test_f1_counts_a_truth_once_when_two_halves_cover_it() -> None:
    assert object_f1(drawn((0, 0, 4, 2), (0, 2, 4, 4)), drawn((0, 0, 4, 4))) == 2 * 1 / 3


def test_f1_lets_one_prediction_find_one_object_only() -> None:
    truth = drawn((0, 0, 4, 4), (0, 6, 4, 9))
    assert object_f1(drawn((0, 0, 4, 9)), truth) == pytest.approx(2 * 1 / 3)


def test_dice_of_a_hand_computed_case() -> None:
    truth = drawn((0, 0, 4, 4), (0, 8, 2, 10))  # 16 and 4 pixels
    prediction = drawn((0, 0, 4, 2), (8, 0, 10, 4))  # 8 pixels inside the first, 8 in nothing
    first = 2 * 8 / (8 + 16)
    expected = 0.5 * (first * 8 / 16 + first * 16 / 20)
    assert object_dice(prediction, truth) == pytest.approx(expected)


def test_empty_maps() -> None:
    full = drawn((0, 0, 2, 2))
    assert object_f1(EMPTY, EMPTY) == object_dice(EMPTY, EMPTY) == 1.0
    for prediction, truth in ((full, EMPTY), (EMPTY, full)):
        assert object_f1(prediction, truth) == object_dice(prediction, truth) == 0.0


@given(small_maps, small_maps)
def test_dice_is_the_definition_spelt_out(prediction: Map, truth: Map) -> None:
    if not prediction.any() or not truth.any():
        return
    expected = 0.5 * (_one_side(prediction, truth) + _one_side(truth, prediction))
    assert object_dice(prediction, truth) == pytest.approx(expected)


@given(small_maps)
def test_identity_is_perfect(labels: Map) -> None:
    assert object_f1(labels, labels) == object_dice(labels, labels) == pytest.approx(1.0)


@given(small_maps, small_maps)
def test_new_numbers_change_nothing(prediction: Map, truth: Map) -> None:
    other = np.where(prediction > 0, 1000 + 3 * prediction, 0)
    assert object_f1(other, truth) == object_f1(prediction, truth)
    assert object_dice(other, truth) == pytest.approx(object_dice(prediction, truth))


def _one_side(objects: Map, others: Map) -> float:
    total = 0.0
    for mask in masks(objects):
        partner = most_shared(mask, others)
        if partner is not None:
            score = 2 * (mask & partner).sum() / (mask.sum() + partner.sum())
            total += score * mask.sum() / np.count_nonzero(objects)
    return total
