"""What the jobs on the fields of a project are asked, and what they tell; loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.events import Event
from napari_selfreg.io.project import Project

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """Which fields to segment with two models.

    Parameters
    ----------
    project : Project
    before, after : Path
        Bundles.
    fields : tuple of str
        Ids, in the order in which they are wanted.
    device : str
    """

    project: Project
    before: Path
    after: Path
    fields: tuple[str, ...]
    device: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class FieldCompared(Event):
    """What two models find in one field.

    Parameters
    ----------
    field : str
        Its id.
    before, after : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    change : float
        Part of the pixels of either that are not of both, 0 … 1.
    """

    field: str
    before: Labels
    after: Labels
    change: float


@dataclass(frozen=True, slots=True)
class ResegmentRequest:
    """Which fields to segment again, around what is reviewed.

    Parameters
    ----------
    project : Project
    model : Path
        A bundle.
    fields : tuple of str
        Their ids.
    device : str
    enough : callable, optional
        Asked after every field: whether to leave the others.
    """

    project: Project
    model: Path
    fields: tuple[str, ...]
    device: str = "auto"
    enough: Callable[[], bool] | None = None
