from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from napari_selfreg.core.metrics import dice, iou
from napari_selfreg.core.metrics.overlap import known_dice
from tests.core.metrics.maps import Map, drawn, small_maps

EMPTY = drawn()


def test_half_overlapping_boxes() -> None:
    # 16 and 16 pixels, 8 in common, 24 in either
    prediction, truth = drawn((0, 0, 4, 4)), drawn((0, 2, 4, 6))
    assert dice(prediction, truth) == 2 * 8 / 32
    assert iou(prediction, truth) == 8 / 24


def test_ids_do_not_matter() -> None:
    prediction, truth = drawn((0, 0, 4, 2), (0, 2, 4, 4)), drawn((0, 0, 4, 4)) * 255
    assert dice(prediction, truth) == iou(prediction, truth) == 1.0


def test_booleans_are_masks() -> None:
    assert dice(drawn((0, 0, 2, 2)) > 0, drawn((0, 0, 2, 1))) == pytest.approx(2 / 3)


def test_both_empty_agree_and_one_empty_does_not() -> None:
    full = drawn((0, 0, 2, 2))
    assert dice(EMPTY, EMPTY) == iou(EMPTY, EMPTY) == 1.0
    assert dice(full, EMPTY) == iou(EMPTY, full) == 0.0


def test_of_nothing_no_dice_is_known() -> None:
    full = drawn((0, 0, 2, 2))
    assert known_dice(EMPTY, EMPTY) is None
    assert known_dice(full, EMPTY) == 0.0
    assert known_dice(full, full) == 1.0


def test_shapes_must_be_equal() -> None:
    with pytest.raises(ValueError, match="one shape"):
        dice(EMPTY, np.zeros((3, 16), np.int32))  # would broadcast if it were (1, 16)


@given(small_maps, small_maps)
def test_dice_and_iou_tell_the_same(prediction: Map, truth: Map) -> None:
    jaccard = iou(prediction, truth)
    assert dice(prediction, truth) == pytest.approx(2 * jaccard / (1 + jaccard))
    assert iou(truth, prediction) == jaccard
