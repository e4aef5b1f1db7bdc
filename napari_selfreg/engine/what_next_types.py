"""What *What next?* is asked and what it answers; loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import Project

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

Strategy = Literal["tta", "entropy", "scr", "random"]
"""What a window is chosen by: how much eight turned and mirrored views disagree; how undecided
the probabilities are; how far the blocks of the network are from the last one; chance."""

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

DEFAULT: Strategy = "random"
"""In simulated correcting none was better than chance, which costs nothing: docs/what-next.md."""

MOST = 24
"""Windows of one answer."""

WINDOW = 128
"""Side of a window in pixels of the model, which is what a person corrects at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureRequest:
    """A picture in memory in which to look for windows.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)
        RGB.
    pixel_size : PixelSize
        Of the picture.
    model : Model, str or Path
        A loaded model, or name or file of a bundle.
    reviewed : ndarray of bool, shape (Y, X), optional
        What is left out; nothing by default.
    strategy : {"tta", "entropy", "scr", "random"}
    most : int
        Largest number of windows.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    seed : int
        Of "random"; the others draw nothing.
    """

    picture: npt.NDArray[np.uint8]
    pixel_size: PixelSize
    model: Model | str | Path
    reviewed: npt.NDArray[np.bool_] | None = None
    strategy: Strategy = DEFAULT
    most: int = MOST
    device: str = "auto"
    seed: int = 0

    def check(self) -> None:
        """Refuse a strategy that does not exist and pictures without reviewed pixels of their size.

        Raises
        ------
        BadInputError
        """
        if self.strategy not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            raise BadInputError(f"Unknown strategy {self.strategy!r}: use one of {known}.")
        if self.reviewed is not None and self.reviewed.shape != self.picture.shape[:2]:
            raise BadInputError("The picture and what is reviewed of it differ in size.")


@dataclass(frozen=True, slots=True, eq=False)
class WhatNextRequest:
    """In which fields of a project to look for windows.

    Parameters
    ----------
    project : Project
    fields : tuple of str
        Their ids.
    model : Path
        A bundle.
    strategy : {"tta", "entropy", "scr", "random"}
    most : int
        Largest number of windows of each field.
    device : str
    seed : int
        Of "random".
    """

    project: Project
    fields: tuple[str, ...]
    model: Path
    strategy: Strategy = DEFAULT
    most: int = MOST
    device: str = "auto"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A window in which a correction would teach much.

    Parameters
    ----------
    box : Box
        In pixels of the picture, or of the field's labels.
    score : float
        Comparable within one answer only.
    reason : str
        A sentence for a person.
    field : str
        Id of the field; empty for a picture in memory.
    """

    box: Box
    score: float
    reason: str
    field: str = ""
