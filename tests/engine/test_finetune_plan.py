"""The schedule: the same with and without a clock, and always ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.engine.finetune_plan import CHECKS, WARM_UP, Plan

LENGTHS = st.integers(1, 300)


def _walk(plan: Plan) -> list[tuple[float, bool]]:
    """Return rate and check of every step."""
    seen = []
    while not plan.finished:
        rate = plan.rate
        plan.advance()
        seen.append((rate, plan.check_is_due()))
        assert len(seen) < 2000
    return seen


@given(LENGTHS)
def test_given_steps_are_made_and_the_last_is_checked(steps: int) -> None:
    plan = Plan(((0, steps),))
    seen = _walk(plan)
    assert len(seen) == plan.step == steps
    assert seen[-1][1]
    assert sum(check for _, check in seen) <= max(CHECKS, steps // 25)
    rates = [rate for rate, _ in seen]
    assert all(0 <= rate <= 1 for rate in rates)
    assert all(a >= b for a, b in zip(rates[WARM_UP:], rates[WARM_UP + 1 :], strict=False))
    assert not plan.revision_is_due()


@given(LENGTHS, st.lists(st.floats(-5, 200), min_size=3, max_size=3))
def test_a_run_by_the_clock_is_repeated_by_its_plan(first: int, later: list[float]) -> None:
    plan, times, seen = Plan(), iter([float(first), *later]), []
    while not plan.finished:
        rate = plan.rate
        plan.advance()
        if plan.revision_is_due():
            plan.revise(next(times))
        seen.append((rate, plan.check_is_due()))
    assert plan.step == plan.total
    assert _walk(Plan(plan.pieces)) == seen


def test_the_probe_does_not_depend_on_the_length() -> None:
    rates = []
    for pieces in ((), ((0, 8),), ((0, 500),)):
        plan = Plan(pieces)
        rates.append([])
        for _ in range(WARM_UP):
            rates[-1].append(plan.rate)
            plan.advance()
    assert rates[0] == rates[1] == rates[2]
    assert rates[0][-1] == 1.0


def test_small_changes_of_the_clock_change_no_plan() -> None:
    plan = Plan()
    for _ in range(WARM_UP):
        plan.advance()
    assert plan.revise(100.0)
    assert not plan.revise(103.0)
    assert plan.revise(50.0)
    assert plan.pieces == [(0, WARM_UP + 100), (WARM_UP, WARM_UP + 50)]


@given(LENGTHS, st.integers(1, 50))
def test_a_stopped_plan_is_finished_and_repeatable(steps: int, moment: int) -> None:
    plan = Plan(((0, steps),))
    for _ in range(min(moment, steps)):
        plan.advance()
    plan.stop()
    assert plan.finished
    again = Plan(plan.pieces)
    assert len(_walk(again)) == plan.step


@given(st.integers(1, WARM_UP))
def test_a_probe_may_be_all_there_is_time_for(moment: int) -> None:
    plan = Plan()
    for _ in range(moment):
        plan.advance()
    plan.stop()
    assert plan.finished
    assert plan.check_is_due()
    assert len(_walk(Plan(plan.pieces))) == moment


def test_a_plan_without_a_length_is_not_finished() -> None:
    plan = Plan()
    assert not plan.finished
    assert not plan.check_is_due()
    assert plan.total == 0
    with pytest.raises(IndexError):
        plan.pieces[0]
