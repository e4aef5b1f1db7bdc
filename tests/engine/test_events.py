"""Running jobs: every event in order, the result, and a job that is closed in every case."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import pytest

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import (
    CheckpointSaved,
    Event,
    Notice,
    Progress,
    StepDone,
    TileDone,
    ValidationDone,
    retold,
    run,
)


class Job:
    """A job of three events that notes how it ended."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.ended: list[str] = []
        self.fault = fault

    def __call__(self) -> Generator[Event, None, str]:
        try:
            for done in range(3):
                yield Progress(done, 3)
                if self.fault is not None:
                    raise self.fault
            self.ended.append("finished")
            return "result"
        except GeneratorExit:
            self.ended.append("closed")
            raise
        finally:
            self.ended.append("tidied")


def test_every_event_is_told_in_order_and_the_result_returned() -> None:
    job, told = Job(), list[Event]()
    assert run(job(), told.append) == "result"
    assert told == [Progress(0, 3), Progress(1, 3), Progress(2, 3)]
    assert job.ended == ["finished", "tidied"]


def test_nobody_has_to_listen() -> None:
    assert run(Job()()) == "result"


def test_a_job_without_events_has_a_result() -> None:
    def silent() -> Generator[Event, None, int]:
        return 5
        yield

    assert run(silent()) == 5


@pytest.mark.parametrize("fault", [ValueError("listener"), KeyboardInterrupt()])
def test_a_fault_of_the_listener_closes_the_job(fault: BaseException) -> None:
    job = Job()

    def fail(event: Event) -> None:
        raise fault

    with pytest.raises(type(fault)):
        run(job(), fail)
    assert job.ended == ["closed", "tidied"]


def test_a_fault_of_the_job_reaches_the_caller() -> None:
    job = Job(RuntimeError("inside"))
    with pytest.raises(RuntimeError, match="inside"):
        run(job())
    assert job.ended == ["tidied"]


def test_a_part_of_another_job_is_told_in_its_words() -> None:
    job, told = Job(), list[Event]()

    def tell(event: Event) -> Event | None:
        assert isinstance(event, Progress)
        return Notice(f"{event.done}") if event.done else None

    assert run(retold(job(), tell), told.append) == "result"
    assert told == [Notice("1"), Notice("2")]
    assert job.ended == ["finished", "tidied"]


def test_a_part_is_closed_with_the_whole() -> None:
    job = Job()
    whole = retold(job(), lambda event: event)
    next(whole)
    whole.close()
    assert job.ended == ["closed", "tidied"]


@pytest.mark.parametrize(
    "event",
    [
        Progress(1, 2, "x"),
        Notice("x"),
        TileDone(Box(0, 0, 1, 1), np.zeros((1, 1), np.uint8), 1, 2),
        StepDone(1, 2, {"ce": 0.5}),
        ValidationDone(1, 0.5, True),
        CheckpointSaved(1),
    ],
)
def test_events_cannot_be_changed_by_who_hears_them(event: Event) -> None:
    assert isinstance(event, Event)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(event)[0].name, 9)
