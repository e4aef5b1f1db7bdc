from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from napari_selfreg.core.metrics import aji, pq
from tests.core.metrics.maps import Map, drawn, masks, small_maps

EMPTY = drawn()


def test_aji_of_a_hand_computed_case() -> None:
    truth = drawn((0, 0, 4, 4), (0, 8, 4, 12))  # 16 + 16
    prediction = drawn((0, 0, 4, 2), (8, 0, 10, 4))  # half of the first, and 8 pixels of nothing
    # intersections 8; unions 16 + the missed 16 + the invented 8
    assert aji(prediction, truth) == 8 / 40


def test_aji_joins_by_iou_not_by_overlap() -> None:
    truth = drawn((0, 0, 4, 6))  # 24 pixels
    prediction = drawn((0, 0, 12, 4), (0, 4, 4, 6))  # 16 of 48 (IoU 16/56), 8 of 8 (IoU 8/24)
    assert aji(prediction, truth) == 8 / (24 + 48)


def test_aji_may_choose_a_prediction_twice() -> None:
    truth = drawn((0, 0, 4, 4), (0, 4, 4, 8))
    assert aji(drawn((0, 0, 4, 8)), truth) == (16 + 16) / (32 + 32)


def test_pq_of_a_hand_computed_case() -> None:
    truth = drawn((0, 0, 4, 4), (0, 8, 4, 12), (8, 0, 12, 4))
    prediction = drawn((0, 0, 4, 3), (0, 8, 4, 10))  # IoU 12/16, and 8/16 which is not above 0.5
    assert pq(prediction, truth) == pytest.approx((12 / 16) / (1 + 0.5 * 1 + 0.5 * 2))


def test_empty_maps() -> None:
    full = drawn((0, 0, 2, 2))
    assert aji(EMPTY, EMPTY) == pq(EMPTY, EMPTY) == 1.0
    for prediction, truth in ((full, EMPTY), (EMPTY, full)):
        assert aji(prediction, truth) == pq(prediction, truth) == 0.0


@given(small_maps, small_maps)
def test_aji_is_the_definition_spelt_out(prediction: Map, truth: Map) -> None:
    common = union = 0
    unused = dict(enumerate(masks(prediction)))
    every = dict(unused)
    for mask in masks(truth):
        ious = [(mask & p).sum() / (mask | p).sum() for p in every.values()]
        if not ious or max(ious) == 0:
            union += mask.sum()
            continue
        best = int(np.argmax(ious))
        common += (mask & every[best]).sum()
        union += (mask | every[best]).sum()
        unused.pop(best, None)
    union += sum(mask.sum() for mask in unused.values())
    assert aji(prediction, truth) == pytest.approx(common / union if union else 1.0)


@given(small_maps, small_maps)
def test_pq_never_exceeds_the_f1_of_its_matches(prediction: Map, truth: Map) -> None:
    assert 0 <= pq(prediction, truth) <= 1
    assert pq(truth, prediction) == pytest.approx(pq(prediction, truth))


@given(small_maps)
def test_identity_is_perfect(labels: Map) -> None:
    assert aji(labels, labels) == 1.0
    assert pq(labels, labels) == pytest.approx(1.0)
