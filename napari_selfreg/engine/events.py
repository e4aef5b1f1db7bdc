"""What a job reports while it runs, and how to run one to its end.

A job is a generator function: it takes one frozen request, yields events and returns a result.
Closing the generator cancels the job.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Event:
    """Base of everything a job yields."""


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """How far a job is: `done` of `total` units, and what it does now."""

    done: int
    total: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something the person should know (a smaller batch, an assumed pixel size)."""

    message: str


@dataclass(frozen=True, slots=True)
class TileDone(Event):
    """One tile of a prediction.

    Parameters
    ----------
    box : Box
        Core of the tile on the image's own grid, in pixels.
    preview : ndarray of uint8, shape (y, x)
        Foreground probability times 255 on a grid that covers `box` evenly.
    done, total : int
        Tiles finished and planned.
    computed : bool
        False where the network was spared, because there is only glass.
    """

    box: Box
    preview: npt.NDArray[np.uint8]
    done: int
    total: int
    computed: bool = True


@dataclass(frozen=True, slots=True)
class StepDone(Event):
    """One optimiser step; `losses` holds every named term as a plain number."""

    step: int
    total: int
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValidationDone(Event):
    """A validation pass; `best` tells whether its score is the best so far."""

    step: int
    dice: float
    best: bool


@dataclass(frozen=True, slots=True)
class CheckpointSaved(Event):
    """Training can be resumed from here."""

    step: int


def run(
    job: Generator[Event, None, Result], on_event: Callable[[Event], None] | None = None
) -> Result:
    """Drive a job to its end and return its result.

    Parameters
    ----------
    job : generator of Event
        A started job, for example ``predict(request)``.
    on_event : callable, optional
        Called with every event, in order.

    Returns
    -------
    object
        What the job returned.
    """
    try:
        while True:
            event = next(job)
            if on_event is not None:
                on_event(event)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        job.close()


def retold(
    job: Generator[Event, None, Result], tell: Callable[[Event], Event | None]
) -> Generator[Event, None, Result]:
    """Run a job as part of another one, which has words of its own.

    Parameters
    ----------
    job : generator of Event
        A started job; closed with this one.
    tell : callable
        Gives what is yielded instead of an event; nothing is where that is None.

    Yields
    ------
    Event

    Returns
    -------
    object
        What the job returned.
    """
    try:
        while True:
            told = tell(next(job))
            if told is not None:
                yield told
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        job.close()
