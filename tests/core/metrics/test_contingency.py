from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from napari_selfreg.core.metrics.contingency import Contingency, renumbered
from tests.core.metrics.maps import Map, drawn, small_maps


def test_counts_of_a_small_case() -> None:
    prediction = drawn((0, 0, 4, 4), (0, 8, 2, 10), (8, 0, 10, 2))
    truth = drawn((0, 2, 4, 9), (8, 8, 10, 10))
    table = Contingency.of(prediction, truth)
    assert table.prediction_areas.tolist() == [16, 4, 4]
    assert table.truth_areas.tolist() == [28, 4]
    assert list(zip(table.rows, table.columns, table.common, strict=True)) == [(0, 0, 8), (1, 0, 2)]
    assert table.unions.tolist() == [36, 30]
    assert table.best_truth().tolist() == [0, 0, -1]
    assert table.best_prediction().tolist() == [0, -1]


def test_of_equals_the_smaller_id_is_best() -> None:
    table = Contingency.of(drawn((0, 0, 4, 8)), drawn((0, 4, 4, 8), (0, 0, 4, 4)))
    assert table.best_truth().tolist() == [0]


def test_gaps_and_huge_ids_are_objects_like_any_other() -> None:
    prediction = np.array([[0, 7, 7, 2_000_000_000]], np.int32)
    ids, labels = renumbered(prediction)
    assert ids.tolist() == [7, 2_000_000_000]
    assert labels.tolist() == [[0, 1, 1, 2]]
    assert Contingency.of(prediction, prediction).common.tolist() == [2, 1]


def test_negative_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        renumbered(np.array([[-1, 0]], np.int32))


def test_empty_maps_give_an_empty_table() -> None:
    table = Contingency.of(drawn(), drawn())
    assert table.common.size == table.best_truth().size == table.best_prediction().size == 0


@given(small_maps, small_maps)
def test_marginals_hold(prediction: Map, truth: Map) -> None:
    table = Contingency.of(prediction, truth)
    assert table.common.sum() == np.count_nonzero((prediction > 0) & (truth > 0))
    assert table.prediction_areas.sum() == np.count_nonzero(prediction)
    assert (table.unions >= table.common).all()


@given(small_maps)
def test_renumbering_keeps_the_partition(labels: Map) -> None:
    ids, numbers = renumbered(labels)
    assert np.array_equal(np.concatenate([[0], ids])[numbers], labels)
