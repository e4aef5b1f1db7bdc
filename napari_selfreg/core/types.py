"""Small frozen types that cross the borders between rooms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from napari_selfreg.core.errors import BadInputError

UmSource = Literal["option", "file", "model"]
"""Where a pixel size came from: the person, the file, or the model's card."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Size of one pixel along each axis.

    Parameters
    ----------
    y, x : float
        Micrometres per pixel along the axis; finite and greater than 0.

    Raises
    ------
    BadInputError
        If a value is not finite or not positive.
    """

    y: float
    x: float

    def __post_init__(self) -> None:
        for value in (self.y, self.x):
            if not (math.isfinite(value) and value > 0):
                raise BadInputError(
                    f"A pixel size of {value:g} µm/px is not possible: give a number above 0."
                )

    @classmethod
    def isotropic(cls, um_per_px: float) -> PixelSize:
        """Return square pixels of `um_per_px` micrometres."""
        return cls(um_per_px, um_per_px)

    @property
    def area_um2(self) -> float:
        """Area of one pixel in square micrometres."""
        return self.y * self.x

    @property
    def mean(self) -> float:
        """Geometric mean of both sizes, in micrometres per pixel."""
        return math.sqrt(self.area_um2)


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open rectangle ``[y0, y1) x [x0, x1)`` in pixels."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels, never negative."""
        return max(0, self.y1 - self.y0), max(0, self.x1 - self.x0)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index that cuts the box out of a ``(Y, X, ...)`` array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def empty(self) -> bool:
        """Whether the box holds no pixel."""
        return 0 in self.shape

    def intersect(self, other: Box) -> Box:
        """Return the common part (possibly empty)."""
        return Box(
            max(self.y0, other.y0),
            max(self.x0, other.x0),
            min(self.y1, other.y1),
            min(self.x1, other.x1),
        )

    def shift(self, dy: int, dx: int) -> Box:
        """Return the box moved by ``(dy, dx)`` pixels."""
        return Box(self.y0 + dy, self.x0 + dx, self.y1 + dy, self.x1 + dx)


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """How probabilities become objects.

    Parameters
    ----------
    threshold : float
        Foreground where the probability is at least this, in (0, 1).
    min_area_um2 : float
        Objects smaller than this are removed, in square micrometres.
    max_hole_um2 : float
        Holes up to this size are filled, in square micrometres.
    separation : float
        0 = keep touching objects together, 1 = cut wherever a contour is suspected.
    """

    threshold: float = 0.5
    min_area_um2: float = 0.0
    max_hole_um2: float = 0.0
    separation: float = 0.5
