"""How a region is cut into windows when a network is looked into, and what a window brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import ArrayLike, resample_window, source_box
from napari_selfreg.core.tiles import Tile, ceil_to, plan_tiles
from napari_selfreg.core.types import Box
from napari_selfreg.engine.forward import Floats, Pixels
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.planning import Tiling
from napari_selfreg.engine.tile_loop import Plan


@dataclass(frozen=True)
class Layout:
    """Windows of the model's grid.

    Parameters
    ----------
    tiles : tuple of Tile
        One, if the network sees everything at once or all of it fits.
    frame : Box
        What the windows show together: multiples of the network's stride.
    split : callable
        Smaller tiles that cover the same core; empty if that is not possible.
    notes : tuple of str
        What the person should know.
    """

    tiles: tuple[Tile, ...]
    frame: Box
    split: Callable[[Tile], list[Tile]]
    notes: tuple[str, ...] = ()


def lay_out(tiling: Tiling, wanted: Box, side: int) -> Layout:
    """Return the windows for a part of the model's grid.

    A network whose answer depends on a neighbourhood only is given windows of at most
    ``side ** 2`` pixels, which show what one window would. One that sees everything at once is
    given one window, or several where it accepts one size only.

    Parameters
    ----------
    tiling : Tiling
        Of the network and the image, not sized.
    wanted : Box
        In model pixels.
    side : int
        See above.

    Returns
    -------
    Layout
    """
    frame = _aligned(wanted, tiling.stride, tiling.limits)
    if tiling.fixed:
        return _fixed(tiling, frame)
    if tiling.blends:
        grid = {"halo": tiling.halo, "stride": tiling.stride}
        tiles = plan_tiles(
            tiling.limits, frame, tile=tiling.limits, smallest=tiling.smallest, **grid
        )
        return Layout(tuple(tiles), frame, lambda tile: [])
    sized = tiling.sized(side)
    return Layout(tuple(sized.tiles(frame)), frame, sized.split)


def _fixed(tiling: Tiling, frame: Box) -> Layout:
    """Return windows of the only size accepted; neighbours share half of a window."""
    height, width = tiling.smallest
    halo = min(height, width) // 4 // tiling.stride * tiling.stride
    grid = {"halo": halo, "stride": tiling.stride}
    tiles = plan_tiles(tiling.limits, frame, tile=(height, width), smallest=(height, width), **grid)
    note = (
        f"This network sees {height} x {width} pixels at a time: "
        "between such windows the maps may jump."
    )
    return Layout(tuple(tiles), frame, lambda tile: [], (note,) if len(tiles) > 1 else ())


def _aligned(box: Box, stride: int, limits: tuple[int, int]) -> Box:
    """Return a box grown to multiples of the stride."""
    return Box(
        box.y0 // stride * stride,
        box.x0 // stride * stride,
        min(limits[0], ceil_to(box.y1, stride)),
        min(limits[1], ceil_to(box.x1, stride)),
    )


@dataclass(frozen=True, eq=False)
class Asked:
    """The places that attention is asked for.

    Parameters
    ----------
    grids : Grids
        Of image and model.
    region : Box
        In image pixels.
    mask : ndarray of bool, shape (y, x), optional
        On the pixels of `region`; all of it by default.
    """

    grids: Grids
    region: Box
    mask: npt.NDArray[np.bool_] | None

    def __post_init__(self) -> None:
        if self.mask is not None and self.mask.shape != self.region.shape:
            raise BadInputError(
                f"The mask is {' x '.join(map(str, self.mask.shape))} pixels and the region "
                f"{' x '.join(map(str, self.region.shape))}: give a mask of the region."
            )

    def weights(self, window: Box) -> Floats:
        """Return the share of each model pixel (y, x) of a window that is asked for."""
        found = np.zeros(window.shape, np.float32)
        part = window.intersect(self.grids.to_model(self.region))
        if part.empty:
            return found
        rows, columns = part.shift(-window.y0, -window.x0).slices
        found[rows, columns] = 1 if self.mask is None else self._resampled(part)
        return found

    def _resampled(self, part: Box) -> Floats:
        """Return the mask on model pixels; around the region nothing is asked for."""
        needed = source_box(self.grids.image, self.grids.model, part)
        values = np.zeros(needed.shape, np.float32)
        common = needed.intersect(self.region)
        to, of = (
            common.shift(-needed.y0, -needed.x0),
            common.shift(-self.region.y0, -self.region.x0),
        )
        if self.mask is not None:
            values[to.slices] = self.mask[of.slices]
        return resample_window(values, needed, self.grids.image, self.grids.model, part)


def inside_plan(layout: Layout, grids: Grids, image: ArrayLike, asked: Asked | None) -> Plan:
    """Return the plan of a look: its windows carry the weights that are asked for, if any.

    Parameters
    ----------
    layout : Layout
        Windows.
    grids : Grids
        Of image and model.
    image : array-like, shape (Y, X, C)
        Read window by window.
    asked : Asked, optional
        Places that attention is asked for.

    Returns
    -------
    Plan
    """

    def read(window: Box) -> Pixels:
        pixels = grids.read(image, window)
        if asked is None:
            return pixels
        return np.dstack([pixels.astype(np.float32), asked.weights(window)])

    return Plan(
        tiles=layout.tiles,
        read=read,
        wanted=lambda tile: tile.core,
        skip=lambda pixels: False,
        split=layout.split,
    )
