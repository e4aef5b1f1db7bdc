from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.bootstrap import Interval, mean_interval

scores = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_constant_has_no_width() -> None:
    assert mean_interval([0.5] * 7) == Interval(0.5, 0.5, 0.5)


def test_one_image_has_no_width() -> None:
    assert mean_interval([0.25]) == Interval(0.25, 0.25, 0.25)


def test_two_values_are_all_or_nothing() -> None:
    # means of two draws of {0, 1} are 0, 0.5 and 1 with 1/4, 1/2, 1/4: both tails reach the ends
    assert mean_interval([0.0, 1.0]) == Interval(0.5, 0.0, 1.0)


def test_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(3).normal(0.8, 0.1, 400)
    interval = mean_interval(values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert interval.high - interval.mean == pytest.approx(half, rel=0.06)
    assert interval.mean - interval.low == pytest.approx(half, rel=0.06)


def test_chunks_keep_memory_flat_and_the_interval_right(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).uniform(size=50)
    whole = mean_interval(values)
    monkeypatch.setattr("napari_selfreg.core.bootstrap._CHUNK", 1)
    assert mean_interval(values) == whole


def test_a_lower_confidence_is_narrower() -> None:
    values = np.linspace(0, 1, 20)
    wide, narrow = mean_interval(values), mean_interval(values, confidence=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_nothing_and_infinity_have_no_mean(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        mean_interval(values)


@given(scores)
def test_order_and_bounds(values: list[float]) -> None:
    interval = mean_interval(values, resamples=200)
    assert min(values) - 1e-12 <= interval.low <= interval.high <= max(values) + 1e-12
    assert interval == mean_interval(values, resamples=200)
