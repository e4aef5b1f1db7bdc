"""The clock of a fine-tuning, and the line between old and new weights."""

from __future__ import annotations

import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.engine import finetune_loop
from napari_selfreg.engine.finetune_loop import Clock, as_good, between


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set by a test."""
    moment = [100.0]
    fake = type("Time", (), {"monotonic": staticmethod(lambda: moment[0])})
    monkeypatch.setattr(finetune_loop, "time", fake)
    return moment


def test_given_steps_have_all_the_time() -> None:
    clock = Clock()
    clock.count(10.0)
    assert math.isinf(clock.deadline)
    assert not clock.over
    assert math.isinf(clock.affordable(5))


def test_the_first_step_also_prepares_and_is_left_out() -> None:
    clock = Clock()
    assert clock.per_step == 0
    clock.count(9.0)
    assert clock.per_step == 9
    for seconds in (1.0, 2.0, 3.0):
        clock.count(seconds)
    assert clock.per_step == 2


def test_only_the_latest_steps_tell_the_pace() -> None:
    clock = Clock()
    for seconds in [99.0, *[5.0] * 50, *[1.0] * 40]:
        clock.count(seconds)
    assert clock.per_step == 1


def test_steps_share_the_time_with_checks_and_closing(now: list[float]) -> None:
    clock = Clock(deadline=160.0, closing=10.0, check=5.0)
    clock.count(0.0)
    clock.count(2.0)
    assert clock.affordable(0) == 25
    assert clock.affordable(4) == 15
    now[0] = 180.0
    assert clock.affordable(0) < 0


def test_it_is_over_when_another_step_and_the_rest_would_be_late(now: list[float]) -> None:
    clock = Clock(deadline=160.0, closing=10.0, check=5.0)
    clock.count(4.0)
    now[0] = 160 - 10 - 5 - 2.1
    assert not clock.over
    now[0] += 0.2
    assert clock.over


def test_without_minutes_left_no_step_is_begun() -> None:
    assert Clock(deadline=time.monotonic() - 1).over


@given(st.floats(0, 1))
def test_weights_lie_on_the_line_and_counters_are_the_new_ones(close: float) -> None:
    base = {"w": torch.tensor([0.0, 4.0]), "seen": torch.tensor(3)}
    tuned = {"w": torch.tensor([1.0, 2.0]), "seen": torch.tensor(9)}
    found = between(base, tuned, close)
    expected = [1 - close, 2 + 2 * close]
    torch.testing.assert_close(found["w"], torch.tensor(expected))
    assert found["seen"] == 9
    assert base["w"].tolist() == [0.0, 4.0]
    assert tuned["w"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("later", "best", "good"),
    [
        ((0.1,), (), True),
        ((0.796,), (0.8,), True),  # within a tie
        ((0.79,), (0.8,), False),  # of a single strip nothing says how noisy it is
        ((0.79, 0.79, 0.79), (0.8, 0.8, 0.8), False),  # worse everywhere
        ((0.9, 0.6, 0.8), (0.8, 0.8, 0.8), True),  # worse on one: may be chance
        ((0.9, 0.9, 0.9), (0.8, 0.8, 0.8), True),
    ],
)
def test_the_later_check_counts_unless_it_is_surely_worse(later, best, good) -> None:
    assert as_good(later, best) is good
