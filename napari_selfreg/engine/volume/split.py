"""Which cases teach, which choose the weights, and which are only scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.held_out import CASES
from napari_selfreg.engine.volume.recipe import VolumeDataSection
from napari_selfreg.io.volume.datasets import VolumeCase, folds, held_out


@dataclass(frozen=True, slots=True)
class HoldOut:
    """How the held-out cases are chosen; by the recipe's share and seed where nothing is given.

    Parameters
    ----------
    file : str or Path, optional
        Text with the stem of one held-out case per line.
    folds, fold : int, optional
        Cases are dealt into so many folds by the recipe's split seed; `fold`, from 1 on, is held
        out.
    """

    file: str | Path | None = None
    folds: int | None = None
    fold: int | None = None

    def check(self) -> None:
        """Refuse choices that contradict each other.

        Raises
        ------
        BadInputError
        """
        if (self.folds is None) != (self.fold is None):
            raise BadInputError("--folds and --fold belong together: give both.")
        if self.folds is not None and self.file is not None:
            raise BadInputError("--held-out and --folds exclude each other: give one of them.")
        if self.folds is not None and self.fold is not None and not 1 <= self.fold <= self.folds:
            raise BadInputError(f"--fold must lie between 1 and {self.folds}, not {self.fold}.")

    def sentence(self) -> str:
        """Say for a card what was held out."""
        if self.folds is not None:
            return f"fold {self.fold} of {self.folds}, held out from training and from all choices"
        return CASES


@dataclass(frozen=True, slots=True)
class Split:
    """Three sets of cases that share none."""

    training: tuple[VolumeCase, ...]
    validation: tuple[VolumeCase, ...]
    held_out: tuple[VolumeCase, ...]


def split_cases(
    cases: Sequence[VolumeCase], section: VolumeDataSection, choice: HoldOut | None = None
) -> Split:
    """Split cases into those that teach, that choose the weights, and that are scored.

    Parameters
    ----------
    cases : sequence of VolumeCase
    section : VolumeDataSection
        Shares and seed.
    choice : HoldOut, optional

    Returns
    -------
    Split

    Raises
    ------
    BadInputError
        If there are too few cases, or a list of held-out cases cannot be used.
    """
    choice = choice or HoldOut()
    choice.check()
    if len(cases) < 3:
        raise BadInputError(
            f"Training needs at least 3 volumes with labels, there are {len(cases)}: add some."
        )
    if choice.file is not None:
        rest, held = held_out(cases, choice.file)
    elif choice.folds is not None and choice.fold is not None:
        rest, held = folds(cases, choice.folds, section.split_seed)[choice.fold - 1]
    else:
        rest, held = _share(cases, section.held_out_fraction, section.split_seed)
    if len(rest) < 2:
        raise BadInputError("One case is left to learn from: hold out fewer.")
    training, validation = _share(rest, section.validation_fraction, section.split_seed)
    return Split(tuple(training), tuple(validation), tuple(held))


def _share(
    cases: Sequence[VolumeCase], fraction: float, seed: int
) -> tuple[list[VolumeCase], list[VolumeCase]]:
    """Take a share of the cases out, at least one, and leave at least one; both in order."""
    ordered = sorted(cases, key=lambda case: case.stem)
    count = min(max(1, round(fraction * len(ordered))), len(ordered) - 1)
    taken = set(np.random.default_rng(seed).permutation(len(ordered))[:count].tolist())
    rest = [case for index, case in enumerate(ordered) if index not in taken]
    return rest, [case for index, case in enumerate(ordered) if index in taken]
