"""From a network and an image to a plan of tiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.tiles import (
    Tile,
    ceil_to,
    order_tiles,
    padded_shape,
    plan_tiles,
    tile_shape,
)
from napari_selfreg.core.tissue import is_glass
from napari_selfreg.core.types import Box
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.locality import halo_of, sees_whole_tile
from napari_selfreg.engine.tile_loop import Plan
from napari_selfreg.io.memory import free_memory
from napari_selfreg.nets.tapspec import TapSpec

OVERLAP = 0.5
"""Part of a window that neighbours share along each axis, where tiles are blended."""

_FIRST_CUTS = 2
"""Halvings of what comes first: one alone takes a slow processor a second."""

_PROBE = 192
_SHARE = 0.25


@dataclass(frozen=True)
class _Limits:
    """Largest side of a window, and what one of its pixels takes of a computer's memory."""

    side: int
    bytes_per_pixel: int


_LIMITS = {
    "fused": _Limits(2048, 320),
    "watched": _Limits(1536, 320),
    "cpu": _Limits(768, 4096),
    "mps": _Limits(1024, 0),
    "cuda": _Limits(2048, 0),
    "blended": _Limits(512, 4096),
}
"""By what computes; a GPU's memory is found out by trying. Of what is fused, a window so small that
it is computed at once; larger ones take less, since only a band of their maps is kept."""


def largest_side(
    device: torch.device,
    *,
    fused: bool = False,
    blends: bool = False,
    views: int = 1,
    watched: bool = False,
) -> int:
    """Return the side of the largest window that is useful and surely fits.

    Parameters
    ----------
    device : torch.device
        Where the network runs.
    fused : bool, default False
        Whether `FusedUNet` runs it: its windows may be large, since only the encoder pays for
        the halo.
    blends : bool, default False
        Whether windows are averaged: then they stay near the size of training crops.
    views : int, default 1
        Predictions per window: a job can be cancelled between windows only, so that several
        views make them smaller.
    watched : bool, default False
        Whether a person looks on and may cancel: then windows are smaller, for more of a halo.

    Returns
    -------
    int
        Pixels of the model's grid; a window takes at most a quarter of the free memory.
    """
    large = "watched" if watched or views > 1 else "fused"
    limits = _LIMITS["blended" if blends else large if fused else device.type]
    side = limits.side if views == 1 else limits.side // 2
    if limits.bytes_per_pixel:
        side = min(side, math.isqrt(int(_SHARE * free_memory()) // limits.bytes_per_pixel))
    return side


@dataclass(frozen=True)
class Tiling:
    """How an image is cut for a network.

    Parameters
    ----------
    limits : tuple of int
        Height and width of the padded image, in model pixels.
    stride : int
        The network's total stride: sides of windows are multiples of it.
    halo : int
        Context around a core.
    blends : bool
        Whether overlapping windows are averaged.
    smallest : tuple of int
        Smallest height and width of a window.
    largest : tuple of int
        Largest height and width of a window that is blended; of others only the area counts.
    fixed : bool
        Whether the network accepts one size only.
    """

    limits: tuple[int, int]
    stride: int
    halo: int
    blends: bool
    smallest: tuple[int, int]
    largest: tuple[int, int]
    fixed: bool

    @classmethod
    def of(
        cls,
        network: nn.Module,
        spec: TapSpec,
        shape: tuple[int, int],
        *,
        halo: int | None = None,
    ) -> Tiling:
        """Return the tiling of an image of `shape` (model pixels), its tiles not sized yet."""
        stride = spec.size_multiple
        least = ceil_to(max(spec.min_size, 1), stride)
        smallest = (least, least)
        if spec.fixed_size is not None:
            smallest = spec.fixed_size[0], spec.fixed_size[1]
        padded = padded_shape(shape, stride)
        return cls(
            limits=(max(padded[0], smallest[0]), max(padded[1], smallest[1])),
            stride=stride,
            halo=halo_of(spec) if halo is None else ceil_to(halo, stride),
            blends=sees_whole_tile(network, spec),
            smallest=smallest,
            largest=smallest,
            fixed=spec.fixed_size is not None,
        )

    @property
    def probe_shape(self) -> tuple[int, int]:
        """A size of window the network accepts, to measure with."""
        if self.fixed:
            return self.smallest
        side = ceil_to(max(_PROBE, self.smallest[0]), self.stride)
        return side, side

    @property
    def may_turn(self) -> bool:
        """Whether windows may be turned by 90 degrees."""
        return not self.fixed or self.smallest[0] == self.smallest[1]

    def sized(self, side: int) -> Tiling:
        """Return the tiling with windows of at most ``side ** 2`` pixels, but with a core."""
        if self.fixed:
            return self
        least = self.smallest[0] if self.blends else max(self.smallest[0], self._least)
        side = max(side // self.stride * self.stride, least)
        return replace(self, largest=(side, side))

    @property
    def _least(self) -> int:
        """Smallest window that leaves a core between its halos."""
        return 2 * self.halo + self.stride

    def tiles(self, region: Box) -> list[Tile]:
        """Return tiles that cover a region of the model's grid."""
        if not self.blends:
            area = self.largest[0] * self.largest[1]
            grid = {"halo": self.halo, "stride": self.stride}
            shape = tile_shape(self.limits, region, area=area, **grid)
            height, width = (max(a, b) for a, b in zip(shape, self.smallest, strict=True))
            return plan_tiles(
                self.limits, region, tile=(height, width), smallest=self.smallest, **grid
            )
        height, width = (min(a, b) for a, b in zip(self.largest, self.limits, strict=True))
        shared = int(OVERLAP / 2 * min(height, width))
        return plan_tiles(
            self.limits, region, tile=(height, width), halo=shared, stride=1,
            smallest=(height, width),
        )  # fmt: skip

    def split(self, tile: Tile) -> list[Tile]:
        """Return tiles of half the side that cover the same core; none if that is too small."""
        area = math.prod(tile.window.shape)
        least = self.smallest[0] if self.blends else max(self.smallest[0], self._least)
        side = max(math.isqrt(area) // 2 // self.stride * self.stride, least)
        if self.fixed or side**2 >= area:
            return []
        return self.sized(side).tiles(tile.core)


def _soon(tiling: Tiling, tiles: list[Tile], focus: Box) -> list[Tile]:
    """Cut the first tile into smaller ones, so that there is something to see within a second."""
    if tiling.blends:  # tiles that are averaged stay whole: other windows give other values
        return tiles
    for _ in range(_FIRST_CUTS):
        pieces = order_tiles(tiling.split(tiles[0]), focus)
        tiles = [*pieces, *tiles[1:]] if pieces else tiles
    return tiles


def make_plan(
    tiling: Tiling,
    grids: Grids,
    region: Box,
    image: ArrayLike,
    wanted: Callable[[Tile], Box],
    focus: Box | None,
    skip_glass: bool,
) -> Plan:
    """Return the plan of a job.

    Parameters
    ----------
    tiling : Tiling
        Sized.
    grids : Grids
        Image and model.
    region : Box
        What is predicted, in image pixels.
    image : array-like, shape (Y, X, 3)
        Read window by window.
    wanted : callable
        See `Plan`.
    focus : Box, optional
        What is done first, in image pixels.
    skip_glass : bool
        Whether windows of empty glass are left out.

    Returns
    -------
    Plan
    """
    tiles = tiling.tiles(grids.to_model(region))
    whole = Box(0, 0, *grids.image)
    visible = None if focus is None else focus.intersect(whole)
    if visible is not None and not visible.empty:
        tiles = _soon(tiling, order_tiles(tiles, grids.to_model(visible)), grids.to_model(visible))
    return Plan(
        tiles=tuple(tiles),
        read=lambda window: grids.read(image, window),
        wanted=wanted,
        skip=is_glass if skip_glass else lambda window: False,
        split=tiling.split,
    )
