"""Turns what was seen into pictures for layers; runs in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.inside.kinds import Kind
from napari_selfreg.widgets.inside.looking import Looked

if TYPE_CHECKING:
    from napari_selfreg.engine.inside_types import BlockMaps

_PERCENTILES = (1.0, 99.5)
"""A few extreme pixels at the rim would make everything else one colour."""

_FIRST, _SECOND = np.array([0.0, 0.6, 1.0]), np.array([1.0, 0.85, 0.0])
"""Blue and yellow, together green: none of them a colour of the stain."""


@dataclass(frozen=True, slots=True, eq=False)
class PaintRequest:
    """What is to be painted.

    Parameters
    ----------
    looked : Looked
    kind : Kind
    blocks : tuple of str
    channels : tuple of int
        One for a channel, two for a pair.
    place : tuple of float or Box, optional
        Row and column of the picture, or voxel of the volume, that was clicked, or what was
        dragged over.
    """

    looked: Looked
    kind: Kind
    blocks: tuple[str, ...]
    channels: tuple[int, ...] = ()
    place: tuple[float, ...] | Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """One map for one layer.

    Parameters
    ----------
    side : int
        Which of the models.
    block : str
    plane : ndarray, shape (y, x) float32, or (y, x, 3) or (y, x, 4) uint8
        With a first axis z for volumes.
    limits : tuple of float
        Lowest and highest colour.
    """

    side: int
    block: str
    plane: npt.NDArray[Any]
    limits: tuple[float, float] = (0.0, 1.0)


def paint(request: PaintRequest) -> Generator[Event, None, tuple[Painted, ...]]:
    """Make one map per model and block.

    Returns
    -------
    tuple of Painted
        Blocks that cannot show this kind are left out.
    """
    painted: list[Painted] = []
    for block in request.blocks:
        yield Progress(0, 0)
        sides = {
            side: inside.blocks[block]
            for side, inside in enumerate(request.looked.insides)
            if block in inside.blocks
        }
        planes = _planes(request, block, sides)
        limits = _limits(request.kind, list(planes.values()))
        painted += [Painted(side, block, plane, limits) for side, plane in planes.items()]
    return tuple(painted)


def _planes(
    request: PaintRequest, block: str, sides: dict[int, BlockMaps]
) -> dict[int, npt.NDArray[Any]]:
    from napari_selfreg.engine.inside import click_similarity, map_of

    kind, insides = request.kind.name, request.looked.insides
    if kind == "similarity":
        if request.place is None:
            return {}
        return {side: click_similarity(maps, request.place) for side, maps in sides.items()}
    if kind == "attention":
        sides = {side: maps for side, maps in sides.items() if maps.attention is not None}
    if kind == "scr":
        sides = {side: maps for side, maps in sides.items() if maps.last is not None}
    if kind in ("channel", "pair"):
        most = max(request.channels, default=0)
        sides = {side: maps for side, maps in sides.items() if most < len(maps.maps)}
    if kind == "pair":
        first, second = request.channels
        return {side: two_colours(maps.maps, first, second) for side, maps in sides.items()}
    basis = _basis([maps.maps for maps in sides.values()]) if kind == "pca" else None
    channel = request.channels[0] if request.channels else 0
    return {
        side: np.asarray(map_of(kind, insides[side], block, channel=channel, basis=basis))
        for side in sides
    }


def _basis(maps: list[npt.NDArray[np.float16]]) -> Any:
    """Return one set of colours for both models where their channels can be compared."""
    if len(maps) < 2 or len({len(each) for each in maps}) > 1:
        return None
    from napari_selfreg.core.projection import fit_basis

    return fit_basis([each.astype(np.float32) for each in maps])


def two_colours(maps: npt.NDArray[Any], first: int, second: int) -> npt.NDArray[np.uint8]:
    """Return two channels as blue and yellow, green where both are strong.

    Parameters
    ----------
    maps : ndarray of float, shape (C, y, x)
    first, second : int
        Channels.

    Returns
    -------
    ndarray of uint8, shape (y, x, 4)
        Clear where neither answers, so that the tissue is seen there.
    """
    colours = np.ones((*maps.shape[1:], 4))
    colours[..., 3] = 0
    for channel, colour in ((first, _FIRST), (second, _SECOND)):
        plane = maps[channel].astype(np.float32)
        low, high = robust([plane])
        strength = np.clip((plane - low) / (high - low), 0, 1)
        colours[..., :3] -= strength[..., np.newaxis] * (1 - colour)
        colours[..., 3] = np.maximum(colours[..., 3], strength)
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)


def _limits(kind: Kind, planes: list[npt.NDArray[Any]]) -> tuple[float, float]:
    """Return one scale for all models, so that equal colours mean equal values."""
    if kind.colormap is None or not planes:
        return 0.0, 1.0
    low, high = robust(planes)
    if kind.name == "similarity":
        return min(low, 0.9), 1.0
    if kind.name == "attention":
        return 0.0, max(high, 1e-6)
    return low, high


def robust(planes: list[npt.NDArray[Any]]) -> tuple[float, float]:
    """Return the lowest and highest value but for a few, never the same."""
    values = np.concatenate([np.asarray(plane, np.float32).ravel() for plane in planes])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(each) for each in np.percentile(values, _PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)
