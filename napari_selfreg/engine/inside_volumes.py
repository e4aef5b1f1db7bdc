"""Looking inside a network of three dimensions: a volume is seen as a whole."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.tiles import ceil_to
from napari_selfreg.core.types import Box
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.inside_blocks import Canvas, Frame
from napari_selfreg.engine.inside_forward import BlockForward
from napari_selfreg.engine.inside_memory import require_room_for_whole
from napari_selfreg.engine.inside_types import Attention, BlockMaps, InsideRequest
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen.

    Parameters
    ----------
    blocks : dict
        Maps by block name.
    region : Box
        What was looked at, in image pixels.
    notes : tuple of str
        What the person should know.
    """

    blocks: dict[str, BlockMaps]
    region: Box
    notes: tuple[str, ...] = ()


def see_volume(
    request: InsideRequest, model: Model, blocks: tuple[str, ...], device: torch.device
) -> Generator[Event, None, Sight]:
    """See the rows and columns of a region in all slices, in one window, without resampling.

    Where the card says so, intensities are normalised as in a segmentation: over the whole volume,
    whatever the region.

    Raises
    ------
    BadInputError
        If the image is no volume of the network's channels, or too large.
    """
    channels = model.card.in_channels
    volume, region = _part(request, model)
    shape = volume.shape[:3]
    padded = _padded(shape, model.tapspec)
    forward = BlockForward.of(
        model, blocks, device, request.attention,
        normalised=request.normalised or _of_intensities(model),
    )  # fmt: skip
    asked = request.attention
    require_room_for_whole(
        forward.network, model.tapspec, channels, padded, device, gradient=asked is not None
    )
    if asked is not None:
        weights = _weights(asked, shape)
        volume = np.concatenate([volume.astype(np.float32), weights[..., None]], axis=3)
    after = [(0, whole - side) for whole, side in zip(padded, shape, strict=True)]
    window = np.pad(volume, (*after, (0, 0)), mode="reflect")
    if asked is not None:  # nothing is asked for beyond the volume
        for axis, side in enumerate(shape):
            np.moveaxis(window, axis, 0)[side:, ..., -1] = 0
    yield Progress(0, 1, f"Looking inside {model.card.name}")
    origin = (0, region.y0, region.x0)
    canvas = Canvas(Frame(origin, padded, (1.0, 1.0, 1.0)))
    canvas.put(forward.volume(window), origin, padded)
    spans = (0, shape[0]), (region.y0, region.y1), (region.x0, region.x1)
    return Sight(canvas.cut(spans), region)


def _of_intensities(model: Model) -> bool:
    """Tell whether a network takes normalised intensities instead of colours."""
    return bool(model.card.intensity == "volume")


def _part(request: InsideRequest, model: Model) -> tuple[npt.NDArray[Any], Box]:
    """Return the region of all slices (z, y, x, C), normalised if need be, and the region."""
    shape, channels = request.image.shape, model.card.in_channels
    if len(shape) not in (3, 4) or 0 in shape or (shape[3] if len(shape) == 4 else 1) != channels:
        raise BadInputError(
            f"A volume (Z, Y, X) of {channels} channel(s) is needed; this array is "
            f"{' x '.join(map(str, shape))}."
        )
    whole = Box(0, 0, shape[1], shape[2])
    region = whole if request.region is None else request.region.intersect(whole)
    if region.empty:
        raise BadInputError("The region lies outside the image: choose a part of the image.")
    image = request.image
    if _of_intensities(model) and not request.normalised:
        image = normalise(np.asarray(image[:]))
    part = np.asarray(image[(slice(None), *region.slices)])
    return part.reshape(*part.shape[:3], channels), region


def _padded(shape: tuple[int, ...], spec: TapSpec) -> tuple[int, ...]:
    """Return the size the network takes that holds `shape`."""
    if spec.fixed_size is None:
        return tuple(ceil_to(max(side, spec.min_size), spec.size_multiple) for side in shape)
    if any(side > most for side, most in zip(shape, spec.fixed_size, strict=True)):
        raise BadInputError(
            f"This network sees {' x '.join(map(str, spec.fixed_size))} voxels at a time: choose "
            "a smaller part of the volume."
        )
    return spec.fixed_size


def _weights(asked: Attention, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the share of each voxel that attention is asked for."""
    if asked.mask is None:
        return np.ones(shape, np.float32)
    if asked.mask.shape != shape:
        raise BadInputError(
            f"The mask is {' x '.join(map(str, asked.mask.shape))} voxels and the region "
            f"{' x '.join(map(str, shape))}: give a mask of the region."
        )
    return asked.mask.astype(np.float32)
