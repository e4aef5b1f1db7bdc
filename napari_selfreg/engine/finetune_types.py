"""What goes into a fine-tuning and what comes out of it; loads neither torch nor monai.

Panels import these names and `Verdict`; the job itself is `engine.finetune.finetune`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.core.types import PixelSize
from napari_selfreg.core.verdict import Verdict
from napari_selfreg.engine.events import Event
from napari_selfreg.engine.finetune_titles import LONGEST
from napari_selfreg.engine.recipe import MAX_SEED

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

What = Literal["all", "decoder", "head_norms"]
"""What may change: everything; the decoder and the head; the head and all normalisations."""

_STAY_CLOSE = ((100_000, 0.7), (250_000, 0.4), (math.inf, 0.3))

MINUTES = 1.0

LAMBDA = 0.0
"""Weight of both regularizers unless a request says otherwise. In the short runs on the bundled
models' cards they cost Dice, and a minute has no steps to spare for them."""


@dataclass(frozen=True, slots=True, eq=False)
class FinetuneField:
    """One picture with corrected labels.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)
        RGB; on a slide the part that was opened.
    labels : ndarray of int, shape (Y, X)
        The whole label layer: object ids, 0 = background (class ids for models of several
        classes).
    reviewed : ndarray of bool, shape (Y, X), optional
        Where labels are truth (`core.reviewed.review_mask`); everywhere by default.
    pixel_size : PixelSize, optional
        Of the picture; the model's own by default.
    name : str
        For sentences on screen; never written to a card.
    unclassed : int
        Reviewed objects that teach nothing, since their class is not one of the model's.
    """

    picture: npt.NDArray[Any]
    labels: npt.NDArray[np.integer]
    reviewed: npt.NDArray[np.bool_] | None = None
    pixel_size: PixelSize | None = None
    name: str = ""
    unclassed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FinetuneVolume(FinetuneField):
    """One volume with corrected labels.

    Parameters
    ----------
    picture : ndarray of any real type, shape (Z, Y, X)
        Intensities as stored.
    labels : ndarray of int, shape (Z, Y, X)
        Class ids, 0 = background; 255 = not reviewed.
    reviewed : ndarray of bool, shape (Z, Y, X), optional
        Where labels are truth; everywhere by default.
    pixel_size, unclassed
        Not used: see `spacing`; labels are classes.
    name : str
        For sentences on screen; never written to a card.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x; the model's own by default.
    """

    spacing: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FinetuneRequest:
    """What to fine-tune, on what, for how long.

    Parameters
    ----------
    model : Model, str or Path
        The base: a loaded model, or name or file of a bundle. It is never changed.
    fields : tuple of FinetuneField
        Or of `FinetuneVolume`, for a model for volumes.
    minutes : float
        Total wall time; ignored if `steps` or `plan` is given.
    steps : int, optional
        Length of the schedule in optimiser steps, instead of `minutes`.
    what : {"all", "decoder", "head_norms"}
        What may change.
    lambda_scr, lambda_ifd : float, optional
        Weights of the regularizers, `LAMBDA` by default; 0 costs no time.
    stay_close : float, optional
        From 0 (free) to 1 (the base): the new weights are drawn back towards the old ones by this
        part of their distance; by default as `usual_stay_close` says.
    seed : int
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    output : str or Path, optional
        ``.safetensors`` file to write; without it the model stays in memory.
    name, title : str, optional
        On the new card; made from the base's by default (`engine.finetune_titles`).
    start : Model, optional
        Weights to go on from instead of the base's (*Train longer*); the base remains what is
        compared with and stayed close to.
    begun : float, optional
        `time.monotonic` at which the minutes began, if before the job.
    plan : tuple of (int, int)
        ``card.training["plan"]`` of a run to be repeated exactly, instead of `minutes`.
    enough : callable, optional
        Asked after every step: whether to stop there and keep the best so far.
    watch_blocks : bool
        Whether to measure the blocks of the network now and then (`BlocksMeasured`).
    """

    model: Model | str | Path
    fields: tuple[FinetuneField, ...]
    minutes: float = MINUTES
    steps: int | None = None
    what: What = "all"
    lambda_scr: float | None = None
    lambda_ifd: float | None = None
    stay_close: float | None = None
    seed: int = 0
    device: str = "auto"
    output: str | Path | None = None
    name: str | None = None
    title: str | None = None
    start: Model | None = None
    begun: float | None = None
    plan: tuple[tuple[int, int], ...] = ()
    enough: Callable[[], bool] | None = None
    watch_blocks: bool = False

    def check(self) -> None:
        """Refuse numbers no run can be made with.

        Raises
        ------
        BadInputError
        """
        if not self.fields:
            raise BadInputError("There is nothing to learn from: review a region first.")
        if self.what not in get_args(What):
            raise BadInputError(f"Unknown choice {self.what!r}: use {', '.join(get_args(What))}.")
        if not (math.isfinite(self.minutes) and self.minutes > 0):
            raise BadInputError("The minutes must be a number above 0.")
        if self.steps is not None and self.steps < 1:
            raise BadInputError("At least one step is needed.")
        if self.stay_close is not None and not 0 <= self.stay_close <= 1:
            raise BadInputError("The pull towards the old model must lie between 0 and 1.")
        if not 0 <= self.seed <= MAX_SEED:
            raise BadInputError(f"The seed must be 0 or more, and {MAX_SEED} at most.")
        if self.title is not None and not 1 <= len(self.title) <= LONGEST:
            raise BadInputError(f"Give the new model a title of 1 to {LONGEST} letters.")


def usual_stay_close(reviewed: int) -> float:
    """Return how far back towards the base the weights are drawn unless a request says otherwise.

    What is learned from little forgets several times as fast, and drawing it back costs the new
    tissue nothing (docs/fine-tuning-figures.md has the figures).

    Parameters
    ----------
    reviewed : int
        Reviewed pixels or voxels of the network's grid.

    Returns
    -------
    float
    """
    return next(stay_close for below, stay_close in _STAY_CLOSE if reviewed < below)


@dataclass(frozen=True, slots=True)
class BaseScored(Event):
    """The untouched base was scored on what is held out: the line in the curves.

    Parameters
    ----------
    dice : float
        Mean over `scores`.
    scores : tuple of float
        Dice of every region's held-out strip.
    """

    dice: float
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """The minutes became steps; comes again when the plan changes.

    Parameters
    ----------
    steps : int
        Length of the schedule.
    seconds_per_step : float
        As measured; 0 where the steps were given.
    """

    steps: int
    seconds_per_step: float


@dataclass(frozen=True, slots=True)
class RolledBack(Event):
    """The training diverged at `step` and went on from earlier weights with smaller steps."""

    step: int
    message: str


@dataclass(frozen=True, slots=True)
class BlocksMeasured(Event):
    """What was measured of each block after `step`, always on one and the same crop."""

    step: int
    numbers: Mapping[str, BlockNumbers]


@dataclass(frozen=True, slots=True, eq=False)
class FinetuneResult:
    """A fine-tuned model and how it compares with its base.

    Parameters
    ----------
    model : Model
        The best weights found after the base, on the CPU, whatever the verdict.
    base : Model
        What it came from.
    verdict : Verdict
        From the strips that were held out.
    base_scores, tuned_scores : tuple of float
        Dice of every strip, before and after.
    steps, best_step : int
        Steps made, and after how many the weights were best.
    seconds : float
        Wall time, from `FinetuneRequest.begun` on.
    seed : int
    output : Path, optional
        The bundle, if one was asked for.
    stopped : bool
        Whether the person ended it early.
    notes : tuple of str
        What the person should know.
    history : tuple of dict
        ``{"step", "total", "ce", "dice", …}`` of every step, and ``{"step", "validation"}``.
    """

    model: Model
    base: Model
    verdict: Verdict
    base_scores: tuple[float, ...]
    tuned_scores: tuple[float, ...]
    steps: int
    best_step: int
    seconds: float
    seed: int
    output: Path | None = None
    stopped: bool = False
    notes: tuple[str, ...] = ()
    history: tuple[dict[str, float], ...] = field(default=(), repr=False)

    def validation(self) -> dict[str, float | int]:
        """Return mean Dice of the held-out strips: ``{"base", "tuned", "n"}``."""
        base, tuned = float(np.mean(self.base_scores)), float(np.mean(self.tuned_scores))
        return {"base": round(base, 5), "tuned": round(tuned, 5), "n": len(self.base_scores)}
