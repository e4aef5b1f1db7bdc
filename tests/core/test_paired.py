from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.paired import EXACT_UP_TO, paired_difference, signed_rank_p

scores = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=20).map(
    lambda pairs: np.array(pairs) / 20
)


def counted_p(differences: np.ndarray) -> float:
    """Count all patterns of signs, by the definition of the test."""
    values = differences[differences != 0]
    ranks = rankdata(abs(values))
    middle = ranks.sum() / 2
    seen = abs(ranks[values > 0].sum() - middle)
    signs = product([0, 1], repeat=len(values))
    sums = np.array([np.dot(pattern, ranks) for pattern in signs])
    return float(np.mean(abs(sums - middle) >= seen - 1e-9))


def test_every_number_of_a_worked_example() -> None:
    found = paired_difference([0.5, 0.6, 0.7], [0.6, 0.8, 0.7])
    assert found.a == pytest.approx(0.6)
    assert found.b == pytest.approx(0.7)
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((0.0, 0.2))
    assert found.p == 0.5  # both of two differences are positive: 2 of 4 patterns are as extreme


def test_b_better_is_a_positive_difference() -> None:
    assert paired_difference([0.1] * 3, [0.3] * 3).difference == pytest.approx(0.2)


def test_the_interval_is_that_of_the_mean_difference() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 30))
    found = paired_difference(a, b, seed=4)
    assert (found.low, found.high) == (
        (other := mean_interval(b - a, seed=4)).low,
        other.high,
    )


def test_pairing_sees_what_two_intervals_do_not() -> None:
    a = np.random.default_rng(0).random(40)
    found = paired_difference(a, a + 0.01)
    assert 0 < found.low <= found.high
    assert mean_interval(a).high > mean_interval(a + 0.01).low
    assert found.p < 1e-5


@pytest.mark.parametrize("differences", [[0.0], [0.3], [0.0] * 9, [0.0, 0.0, -0.2]])
def test_what_cannot_be_told_apart_has_p_1(differences: list[float]) -> None:
    assert signed_rank_p(differences) == 1.0


def test_six_differences_of_one_sign_are_the_fewest_below_5_percent() -> None:
    assert signed_rank_p([0.1] * 5) == 2 / 2**5
    assert signed_rank_p([0.1] * 6) == 2 / 2**6


def test_known_p_of_a_larger_sample() -> None:
    # all 20 ranks on one side: 2 of 2^20 patterns
    assert signed_rank_p(np.arange(1, 21.0)) == pytest.approx(2 / 2**20)


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([0.5], [0.5, 0.6]), ([math.nan], [0.5]), ([0.5], [math.inf])]
)
def test_scores_that_cannot_be_compared(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="score"):
        paired_difference(a, b)


@settings(max_examples=40)
@given(st.lists(st.integers(-4, 4), max_size=9))
def test_p_is_counted_over_all_patterns_of_signs(differences: list[int]) -> None:
    values = np.array(differences, dtype=float)
    expected = counted_p(values) if values.any() else 1.0
    assert signed_rank_p(values) == pytest.approx(expected)


@settings(max_examples=15)
@given(scores)
def test_exchanging_the_methods_turns_the_sign_only(pairs: np.ndarray) -> None:
    ab, ba = paired_difference(*pairs.T), paired_difference(*pairs.T[::-1])
    assert (ab.a, ab.b, ab.p) == (ba.b, ba.a, ba.p)
    assert ab.difference == pytest.approx(-ba.difference)
    assert ab.difference == pytest.approx(ab.b - ab.a)
    assert (ab.low, ab.high) == pytest.approx((-ba.high, -ba.low), abs=0.03)  # of percentiles


@settings(max_examples=15)
@given(scores)
def test_bounds(pairs: np.ndarray) -> None:
    found = paired_difference(*pairs.T)
    assert found.low - 1e-12 <= found.difference <= found.high + 1e-12
    assert 0 < found.p <= 1


@settings(max_examples=15)
@given(scores)
def test_a_method_against_itself(pairs: np.ndarray) -> None:
    found = paired_difference(pairs[:, 0], pairs[:, 0])
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


@settings(max_examples=40)
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=EXACT_UP_TO + 5), st.floats(0.5, 2))
def test_p_depends_on_ranks_alone(differences: list[int], factor: float) -> None:
    values = np.array(differences, dtype=float)
    assert signed_rank_p(values * factor) == pytest.approx(signed_rank_p(values))
