"""Zero padding at the border of a picture, for maps that are computed with margins."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from torch import Tensor

from napari_selfreg.core.types import Box


class Sides(NamedTuple):
    """Which sides of a block lie on the border of the picture."""

    top: bool
    bottom: bool
    left: bool
    right: bool

    @classmethod
    def of(cls, place: Box, level: int, shape: tuple[int, int]) -> Sides:
        """Return those of `place`, in pixels of `level`, in a picture of `shape`."""
        height, width = shape[0] >> level, shape[1] >> level
        return cls(place.y0 == 0, place.y1 == height, place.x0 == 0, place.x1 == width)


def zero_outside(x: Tensor, sides: Sides) -> None:
    """Zero the outermost row or column where it lies outside the picture: zero padding.

    Parameters
    ----------
    x : Tensor, shape (1, C, y, x)
        A block with a margin of one pixel; changed in place.
    sides : Sides
        Of the block without its margin.
    """
    if sides.top:
        x[:, :, 0] = 0
    if sides.bottom:
        x[:, :, -1] = 0
    if sides.left:
        x[..., 0] = 0
    if sides.right:
        x[..., -1] = 0


def take_back(x: Tensor, border: Tensor, sides: Sides) -> None:
    """Subtract the upsampling's bias where a tap of the kernel hangs over the border.

    Parameters
    ----------
    x : Tensor, shape (1, C, y, x)
        What was upsampled, with a margin of one pixel; changed in place.
    border : Tensor, shape (C, 3, 3)
        Bias through each tap of the convolution after the upsampling.
    sides : Sides
        Of the block without its margin.
    """
    if not any(sides):
        return
    rows = [(1, 0)] * sides.top + [(-2, 2)] * sides.bottom
    columns = [(1, 0)] * sides.left + [(-2, 2)] * sides.right
    for y, tap in rows:
        x[0, :, y] -= border[:, tap].sum(1)[:, None]
    for z, tap in columns:
        x[0, :, :, z] -= border[:, :, tap].sum(1)[:, None]
    for (y, row), (z, column) in itertools.product(rows, columns):
        x[0, :, y, z] += border[:, row, column]  # taken back twice
