"""Where a field lies on its slide, as QuPath's tile exporter writes it into the file name.

QuPath 0.2 to 0.6 name a tile ``<image> [d=<downsample>,x=…,y=…,w=…,h=…].tif``:
x, y, w and h are whole pixels of the slide at full resolution, x and y below 0 where a tile
reaches over the rim; ``d`` is left out where it is 1, rounded to five decimals, and has commas from
a thousand on; ``z`` and ``t`` follow where they are not 0, and label tiles end in ``-labelled``
(``TileExporter.getRegionString``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError

_NAME = re.compile(
    r"\[(?:d=(?P<d>[\d,]*\.?\d+),)?x=(?P<x>-?\d+),y=(?P<y>-?\d+),w=(?P<w>\d+),h=(?P<h>\d+)"
    r"(?:,z=\d+)?(?:,t=\d+)?\](?:-labelled)?(?:\.|$)"
)
_TOLERANCE_PX = 1.5
"""Rounding of the tile's size may make a row or column more or less."""

_FINEST, _COARSEST = 0.02, 10_000.0
"""Outlines keep two decimals: with finer steps they fall together, and no slide is coarser."""

_FARTHEST_PX = 1e9
"""Beyond any slide; much farther, numbers of 64 bits cannot tell two pixels apart."""


@dataclass(frozen=True, slots=True)
class SlidePlace:
    """Where a picture lies on its slide.

    Parameters
    ----------
    x, y : float
        Full-resolution pixel of the slide at the picture's upper left corner.
    downsample : (float, float)
        Full-resolution pixels of the slide per pixel of the picture, along y and x.
    """

    x: float = 0.0
    y: float = 0.0
    downsample: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, *self.downsample)
        if not all(map(math.isfinite, numbers)) or max(abs(self.x), abs(self.y)) > _FARTHEST_PX:
            raise BadInputError("A place on a slide is two numbers, in pixels of that slide.")
        for step in self.downsample:
            if not _possible(step):
                raise BadInputError(
                    f"A downsample of {step:g} is outside {_FINEST:g} to {_COARSEST:,.0f}: give "
                    "the pixels of the slide per pixel of the image."
                )

    def to_slide(self, xy: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Turn points ``(x, y)`` of the picture, shape (n, 2), into points of the slide."""
        moved: npt.NDArray[np.float64] = xy * np.array(self.downsample[::-1]) + (self.x, self.y)
        return moved

    def to_picture(self, xy: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Turn points ``(x, y)`` of the slide, shape (n, 2), into points of the picture."""
        moved: npt.NDArray[np.float64] = (xy - (self.x, self.y)) / np.array(self.downsample[::-1])
        return moved

    def of_part(self, row: float, column: float, factors: tuple[float, float]) -> SlidePlace:
        """Return the place of a part of the picture, or of a coarser copy of it.

        Parameters
        ----------
        row, column : float
            Where the part begins, in its own pixels.
        factors : (float, float)
            Pixels of the picture per pixel of the part, along y and x.

        Returns
        -------
        SlidePlace
        """
        y, x = (self.downsample[axis] * factors[axis] for axis in (0, 1))
        return SlidePlace(self.x + column * x, self.y + row * y, (y, x))


@dataclass(frozen=True, slots=True)
class TileName:
    """What the name of an exported tile says, in pixels of the slide."""

    downsample: float
    x: int
    y: int
    width: int
    height: int


def parse_tile_name(name: str) -> TileName | None:
    """Read the name of a tile, with or without its suffix.

    Parameters
    ----------
    name : str
        File name without folders.

    Returns
    -------
    TileName or None
        None if QuPath's exporter did not name it.

    Examples
    --------
    >>> parse_tile_name("Case 7 [d=2,x=4096,y=512,w=1024,h=1024].tif")
    TileName(downsample=2.0, x=4096, y=512, width=1024, height=1024)
    >>> parse_tile_name("field [1].tif") is None
    True
    """
    found = _NAME.search(name)
    if found is None:
        return None
    downsample = float((found["d"] or "1").replace(",", ""))
    width, height = int(found["w"]), int(found["h"])
    if not (_possible(downsample) and width and height):
        return None
    return TileName(downsample, int(found["x"]), int(found["y"]), width, height)


def _possible(downsample: float) -> bool:
    return _FINEST <= downsample <= _COARSEST


def place_by_name(name: str, shape: tuple[int, int]) -> tuple[SlidePlace | None, str]:
    """Return where a picture of that name and `shape` lies on its slide.

    Parameters
    ----------
    name : str
        File name without folders.
    shape : (int, int)
        Rows and columns of the picture.

    Returns
    -------
    place : SlidePlace or None
        None if it is no tile, or not of the size that the name says.
    warning : str
        One sentence in the latter case, else empty.
    """
    tile = parse_tile_name(name)
    if tile is None:
        return None, ""
    expected = tile.height / tile.downsample, tile.width / tile.downsample
    if any(abs(a - b) > _TOLERANCE_PX for a, b in zip(shape, expected, strict=True)):
        return None, (
            f"The name says {expected[1]:.0f} × {expected[0]:.0f} pixels but the picture has "
            f"{shape[1]} × {shape[0]}, so outlines are in its own pixels and not the slide's: "
            "export the tile from QuPath again."
        )
    # The tile was stretched over whole pixels: that ratio is exact, `d` is rounded.
    return SlidePlace(tile.x, tile.y, (tile.height / shape[0], tile.width / shape[1])), ""
