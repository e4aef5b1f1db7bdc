"""Pictures and comparisons of maps that `look` has found; arrays only, for threads of a panel."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.cka import LEAST_PLACES, linear_cka
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.half import to_single
from napari_selfreg.core.map_grid import mean_onto
from napari_selfreg.core.maps import cosine_to, energy, scr_residual
from napari_selfreg.core.projection import Basis, fit_basis, project
from napari_selfreg.core.types import Box
from napari_selfreg.engine.inside_types import KINDS, BlockMaps, Floats, Inside, Kind


def click_similarity(maps: BlockMaps, place: tuple[float, ...] | Box) -> Floats:
    """Return how alike the channels everywhere are to those at one place.

    Parameters
    ----------
    maps : BlockMaps
        Of one block.
    place : tuple of float or Box
        What was clicked, in image pixels along each axis; or what was dragged over, whose mean
        is taken (of all slices of a volume).

    Returns
    -------
    ndarray of float32, shape (h, w) or (d, h, w)
        Cosine, from -1 to 1.
    """
    grid = maps.grid
    if isinstance(place, Box):
        edges = ((place.y0, place.y1 - 1), (place.x0, place.x1 - 1))
        spans = [grid.nearest(pair, axis) for axis, pair in enumerate(edges, len(grid.shape) - 2)]
        rows, columns = (slice(int(first), int(last) + 1) for first, last in spans)
        part = to_single(maps.maps[..., rows, columns])
        wanted = part.reshape(len(part), -1).mean(axis=1)
    else:
        wanted = np.moveaxis(maps.maps, 0, -1)
        for axis, at in enumerate(place):
            wanted = wanted[int(grid.nearest(at, axis))]
    return cosine_to(maps.maps, wanted)


def map_of(
    kind: Kind, inside: Inside, block: str, *, channel: int = 0, basis: Basis | None = None
) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
    """Return one picture of a block.

    Parameters
    ----------
    kind : {"channel", "energy", "pca", "attention", "scr"}
        One channel; root mean square of all; their principal components as colours; Grad-CAM;
        squared difference to the mean channel of the last decoder block.
    inside : Inside
        What was seen.
    block : str
        Name of the block.
    channel : int, default 0
        Of kind "channel".
    basis : Basis, optional
        Of kind "pca", to compare blocks in the same colours; by default the block's own.

    Returns
    -------
    ndarray
        float32 (h, w), or uint8 (h, w, 3) of kind "pca"; volumes have one more axis.

    Raises
    ------
    BadInputError
        If the block, the channel or the attention is not there, or the kind is unknown.
    """
    if block not in inside.blocks:
        raise BadInputError(f"There is no block {block!r}: choose {', '.join(inside.blocks)}.")
    maps = inside.blocks[block]
    if kind == "channel":
        if not 0 <= channel < len(maps.maps):
            raise BadInputError(f"{block} has {len(maps.maps)} channels: there is no {channel}.")
        return to_single(maps.maps[channel])
    if kind == "energy":
        return energy(maps.maps)
    if kind == "pca":
        return project(maps.maps, fit_basis([maps.maps]) if basis is None else basis)
    found = None
    if kind == "attention":
        found = maps.attention
    elif kind == "scr" and maps.last is not None:
        found = scr_residual(maps.maps, maps.last)
    elif kind not in KINDS:
        raise BadInputError(f"There is no picture {kind!r}: choose {', '.join(KINDS)}.")
    if found is None:
        raise BadInputError(f"The {kind} of {block} was not asked for when it was looked at.")
    return found


def compare_blocks(a: Inside, b: Inside) -> dict[str, float]:
    """Return how alike two networks are in what each block sees: linear CKA per common block.

    The finer maps are averaged onto the grid of the coarser ones, so that networks of different
    pixel size can be compared. Blocks with fewer than `core.cka.LEAST_PLACES` pixels are left out.

    Parameters
    ----------
    a, b : Inside
        Of the same region of the same image.

    Returns
    -------
    dict of str to float

    Raises
    ------
    BadInputError
        If the regions differ.
    """
    if a.region != b.region:
        raise BadInputError("Two models can be compared on the same part of an image only.")
    common = {block: _on_one_grid(a.blocks[block], b.blocks[block])
              for block in a.blocks if block in b.blocks}  # fmt: skip
    return {
        block: linear_cka(*rows)
        for block, rows in common.items()
        if rows[0].shape[1] >= LEAST_PLACES
    }


def _on_one_grid(a: BlockMaps, b: BlockMaps) -> tuple[Floats, Floats]:
    """Return the channels of both (C, places)."""
    coarse = a if math.prod(a.scale) >= math.prod(b.scale) else b
    one, other = (
        maps.maps if maps.grid == coarse.grid else mean_onto(maps.maps, maps.grid, coarse.grid)
        for maps in (a, b)
    )
    return to_single(one).reshape(len(one), -1), to_single(other).reshape(len(other), -1)
