"""Putting together what was seen window by window, and cutting out what lies in the region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.core.map_grid import MapGrid, mean_onto
from napari_selfreg.core.maps import weighted_sum
from napari_selfreg.engine.forward import Floats
from napari_selfreg.engine.inside_forward import LAST, WEIGHTS, Seen, first_pixel
from napari_selfreg.engine.inside_memory import require_room
from napari_selfreg.engine.inside_types import BlockMaps

Spans = Sequence[tuple[int, int]]
"""First and one after the last pixel along each axis."""

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Frame:
    """A part of the model's grid, and how that grid lies on the image.

    Parameters
    ----------
    origin, shape : tuple of int
        First pixel and size of the part along each axis, in model pixels.
    ratio : tuple of float
        Image pixels per model pixel along each axis.
    """

    origin: tuple[int, ...]
    shape: tuple[int, ...]
    ratio: tuple[float, ...]

    def grid(self, shape: Sequence[int]) -> MapGrid:
        """Return where maps of `shape` lie that cover the part evenly."""
        scale = tuple(
            side / n * ratio for side, n, ratio in zip(self.shape, shape, self.ratio, strict=True)
        )
        # The edge of image pixel i lies at i - 0.5, where centres are whole numbers.
        translate = tuple(
            first * ratio + size / 2 - 0.5
            for first, ratio, size in zip(self.origin, self.ratio, scale, strict=True)
        )
        return MapGrid(tuple(shape), scale, translate)


class Canvas:
    """What is seen in all windows together.

    Parameters
    ----------
    frame : Frame
        What the windows cover.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._parts: dict[str, npt.NDArray[Any]] = {}
        self._sums: dict[str, Floats] = {}

    def put(self, seen: Seen, origin: Sequence[int], shape: Sequence[int]) -> None:
        """Add what was seen in the part of `shape` at `origin`, in model pixels.

        Raises
        ------
        BadInputError
            If the maps of the whole frame do not fit into memory.
        BadModelError
            If the maps of several windows do not lie on one grid.
        """
        for block, sums in seen.sums.items():
            self._sums[block] = self._sums[block] + sums if block in self._sums else sums
        if tuple(shape) == self._frame.shape:
            self._parts = seen.parts
            return
        if not self._parts:
            self._parts = self._empty(seen)
        for name, part in seen.parts.items():
            axes = zip(origin, self._frame.origin, seen.steps[name], part.shape[1:], strict=True)
            firsts = [(first_pixel(at - base, step), n) for at, base, step, n in axes]
            place = tuple(slice(first, first + n) for first, n in firsts)
            self._parts[name][(slice(None), *place)] = part

    def _empty(self, seen: Seen) -> dict[str, npt.NDArray[Any]]:
        """Return room for the whole frame."""
        shapes = {}
        for name, part in seen.parts.items():
            axes = list(zip(self._frame.shape, self._frame.origin, seen.steps[name], strict=True))
            if any(side % step or first % step for side, first, step in axes):
                raise BadModelError(
                    "The maps of this network cannot be put together from tiles: choose a "
                    "smaller part of the image."
                )
            shapes[name] = (len(part), *(int(side // step) for side, _, step in axes))
        require_room(sum(math.prod(shapes[n]) * p.itemsize for n, p in seen.parts.items()))
        return {name: np.zeros(shapes[name], part.dtype) for name, part in seen.parts.items()}

    def cut(self, region: Spans) -> dict[str, BlockMaps]:
        """Return the maps of each block that lie in a region of the image, at least in part."""
        grid = self._frame.grid
        last = self._parts.pop(LAST)
        mask = self._parts.pop(WEIGHTS, None)
        blocks = {}
        for name in list(self._parts):
            whole = self._parts.pop(name)  # one block at a time is there twice
            maps, place = _inside(whole, grid(whole.shape[1:]), region)
            pieces: dict[str, Any] = {
                "last": mean_onto(last, grid(last.shape[1:]), place)[0],
            }
            if name in self._sums:
                weights = self._sums[name] / np.float32(math.prod(whole.shape[1:]))
                pieces["attention"] = np.maximum(weighted_sum(maps, weights), 0)
                means = maps.reshape(len(maps), -1).mean(axis=1, dtype=np.float32)
                pieces["importance"] = weights * means
            if mask is not None:
                pieces["mask"] = mean_onto(mask, grid(mask.shape[1:]), place)[0]
            blocks[name] = BlockMaps(name, maps, place.scale, place.translate, **pieces)
        return blocks


def _inside(
    maps: npt.NDArray[Any], grid: MapGrid, region: Spans
) -> tuple[npt.NDArray[Any], MapGrid]:
    """Return the map pixels that overlap a region of the image, and their grid."""
    spans = []
    for axis, (start, stop) in enumerate(region):
        scale, edge = grid.scale[axis], grid.translate[axis] - grid.scale[axis] / 2 + 0.5
        first = math.floor((start - edge) / scale + _ROUNDING)
        end = math.ceil((stop - edge) / scale - _ROUNDING)
        first = min(max(first, 0), grid.shape[axis] - 1)
        spans.append((first, min(max(end, first + 1), grid.shape[axis])))
    cut = maps[(slice(None), *(slice(first, end) for first, end in spans))]
    translate = tuple(
        at + first * scale
        for at, scale, (first, _) in zip(grid.translate, grid.scale, spans, strict=True)
    )
    return np.ascontiguousarray(cut), MapGrid(cut.shape[1:], grid.scale, translate)
