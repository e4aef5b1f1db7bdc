"""Verdicts: never surer than the pairs allow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.verdict import FEWEST, MARGIN, verdict

SCORES = st.floats(0, 1, allow_nan=False)
PAIRS = st.lists(st.tuples(SCORES, SCORES), max_size=30)


@given(PAIRS)
def test_the_words_follow_from_the_interval(pairs: list[tuple[float, float]]) -> None:
    base, tuned = [a for a, _ in pairs], [b for _, b in pairs]
    found = verdict(base, tuned)
    assert found.n == len(pairs)
    assert found.low <= found.difference <= found.high
    if pairs:
        assert math.isclose(found.difference, np.mean(tuned) - np.mean(base), abs_tol=1e-12)
    if found.n < FEWEST:
        assert found.kind == "cannot tell"
    elif found.kind == "better":
        assert found.low > 0
    elif found.kind == "worse":
        assert found.high < 0
    elif found.kind == "no difference":
        assert found.low > -MARGIN
        assert found.high < MARGIN
    else:
        assert found.low <= 0 <= found.high
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence


@given(PAIRS)
def test_changing_sides_turns_the_verdict(pairs: list[tuple[float, float]]) -> None:
    base, tuned = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = verdict(base, tuned), verdict(tuned, base)
    turned = {"better": "worse", "worse": "better"}
    assert other.kind == turned.get(one.kind, one.kind)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))


@pytest.mark.parametrize(
    ("differences", "kind", "words"),
    [
        ([], "cannot tell", "nothing was compared"),
        ([0.06], "cannot tell", "better on the one region, +6.0 points"),
        ([-0.02, -0.04], "cannot tell", "worse on 2 of 2 regions, -3.0 points"),
        ([0.2, 0.1, 0.08, 0.05, -0.13], "cannot tell", "better on 4 of 5 regions, +6.0 points"),
        ([0.05, 0.06, 0.07, 0.06], "better", "+6.0 points of Dice (95 % between +4.7"),
        ([-0.05, -0.06, -0.07], "worse", "worse on 3 of 3 regions"),
        ([0.001, -0.001, 0.0, 0.0], "no difference", "0.0 points"),
        ([0.0, 0.0, 0.0], "no difference", "3 regions"),
        ([0.3, -0.3] * 6, "cannot tell", "the regions disagree"),
        ([0.0], "cannot tell", "the same on 1 region"),
    ],
)
def test_what_people_read(differences: list[float], kind: str, words: str) -> None:
    found = verdict([0.5] * len(differences), [0.5 + d for d in differences])
    assert found.kind == kind
    assert words in found.sentence


def test_few_regions_are_called_few() -> None:
    assert "too few to be sure" in verdict([0.5] * 4, [0.9, 0.4, 0.6, 0.5]).sentence


@pytest.mark.parametrize(
    ("base", "tuned"), [([0.5], []), ([float("nan")], [0.5]), ([0.5], [float("inf")])]
)
def test_scores_that_do_not_pair_are_refused(base: list[float], tuned: list[float]) -> None:
    with pytest.raises(ValueError, match="scor"):
        verdict(base, tuned)
