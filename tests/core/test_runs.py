"""Runs hold everything a label image holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_selfreg.core.runs import find_runs, sum_runs

LABELS = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)
)


def test_runs_of_a_small_picture() -> None:
    runs = find_runs(np.array([[1, 1, 2], [0, 2, 0], [1, 0, 1]]))
    assert runs.label.tolist() == [1, 2, 2, 1, 1]
    assert runs.row.tolist() == [0, 0, 1, 2, 2]
    assert runs.start.tolist() == [0, 2, 1, 0, 2]
    assert runs.stop.tolist() == [2, 3, 2, 1, 3]


def test_label_that_continues_in_the_next_row_is_two_runs() -> None:
    assert find_runs(np.array([[0, 1], [1, 0]])).length.tolist() == [1, 1]


def test_empty_pictures_have_no_runs() -> None:
    for shape in [(0, 5), (5, 0), (3, 3)]:
        runs = find_runs(np.zeros(shape, np.int32))
        assert runs.row.size == 0
        assert sum_runs(runs, np.zeros(shape, np.float32)).size == 0


@given(LABELS)
def test_painting_the_runs_gives_the_picture(labels: npt.NDArray[np.int32]) -> None:
    runs = find_runs(labels)
    painted = np.zeros_like(labels)
    for label, row, start, stop in zip(runs.label, runs.row, runs.start, runs.stop, strict=True):
        assert (painted[row, start:stop] == 0).all()
        painted[row, start:stop] = label
    np.testing.assert_array_equal(painted, labels)


@given(LABELS, st.integers(0, 99))
def test_sums_are_those_of_the_pixels(labels: npt.NDArray[np.int32], seed: int) -> None:
    values = np.random.default_rng(seed).random(labels.shape)
    runs = find_runs(labels)
    expected = [
        values[row, start:stop].sum()
        for row, start, stop in zip(runs.row, runs.start, runs.stop, strict=True)
    ]
    np.testing.assert_allclose(sum_runs(runs, values), expected)
