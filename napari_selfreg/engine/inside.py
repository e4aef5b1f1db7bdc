"""Job: the feature maps of a network on a part of an image, and the numbers of each block.

The network runs as in a prediction: at its own pixel size, with context around the region, cut
into tiles where its answer depends on a neighbourhood only. What a block sees is kept in half
precision, with its exact place on the image.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.core.maps import overlap, scr_residual
from napari_selfreg.core.redundancy import BlockNumbers, block_numbers
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.batching import BatchSize
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.inside_blocks import Canvas, Frame
from napari_selfreg.engine.inside_forward import BlockForward
from napari_selfreg.engine.inside_memory import require_room_for_whole
from napari_selfreg.engine.inside_plan import Asked, inside_plan, lay_out
from napari_selfreg.engine.inside_types import (
    Attention,
    BlockMaps,
    Inside,
    InsideRequest,
)
from napari_selfreg.engine.inside_views import click_similarity, compare_blocks, map_of
from napari_selfreg.engine.inside_volumes import Sight, see_volume
from napari_selfreg.engine.planning import Tiling, largest_side
from napari_selfreg.engine.predict import region_of
from napari_selfreg.engine.tile_loop import run_tiles

__all__ = ["InsideRequest", "chosen_blocks", "click_similarity", "compare_blocks", "look", "map_of"]

_LARGEST_SIDE = 640
"""Of windows: every block of one is in memory at once, in single precision."""


def look(request: InsideRequest) -> Generator[Event, None, Inside]:
    """Look inside a network; closing the generator cancels after the current window.

    Yields
    ------
    Progress or Notice
        Windows that are done; what the person should know.

    Returns
    -------
    Inside

    Raises
    ------
    BadInputError
        If the image does not suit the network, the region lies outside it, the mask has another
        size, or the memory does not suffice for so large a region.
    BadModelError
        If the model cannot be read or has no such block.
    DeviceError
        If the device is unknown, absent or out of memory.
    """
    with freed_memory_kept():
        return (yield from _look(request))


def _look(request: InsideRequest) -> Generator[Event, None, Inside]:
    device = resolve_device(request.device)
    model = request.model
    model = load_model(model) if isinstance(model, str | Path) else model
    blocks = chosen_blocks(model, request.blocks)
    see = see_volume if model.card.spatial_dims == 3 else _see_picture
    sight = yield from see(request, model, blocks, device)
    notes = (*sight.notes, *_empty(request.attention, model, sight.blocks))
    for note in notes:
        yield Notice(note)
    numbers: dict[str, BlockNumbers] = {}
    for block, maps in sight.blocks.items() if request.numbers else ():
        yield Progress(len(numbers), len(sight.blocks), "Measuring the channels")
        numbers[block] = numbers_of(maps)
    return Inside(
        name=model.card.name,
        um_per_px=PixelSize(*model.card.um_per_px[-2:]),
        region=sight.region,
        blocks=sight.blocks,
        numbers=numbers,
        notes=notes,
        pixel_size=request.pixel_size,
        classes=tuple(model.card.classes),
    )


def _see_picture(
    request: InsideRequest, model: Model, blocks: tuple[str, ...], device: torch.device
) -> Generator[Event, None, Sight]:
    """See a picture, window by window."""
    spec, card, asked = model.tapspec, model.card, request.attention
    region = region_of(request.image, request.region, card.in_channels)
    shape = request.image.shape[0], request.image.shape[1]
    grids = Grids.between(shape, request.pixel_size, PixelSize(*card.um_per_px))
    tiling = Tiling.of(model.network, spec, grids.model)
    # What is kept for the way back takes as much as several views.
    side = min(largest_side(device, views=1 if asked is None else 2), _LARGEST_SIDE)
    layout = lay_out(tiling, grids.to_model(region), side)
    places = None if asked is None else Asked(grids, region, asked.mask)
    forward = BlockForward.of(model, blocks, device, asked)
    if tiling.blends:
        largest = layout.tiles[0].window.shape
        require_room_for_whole(
            forward.network, spec, card.in_channels, largest, device, gradient=asked is not None
        )
    frame = layout.frame
    ratio = tuple(i / m for i, m in zip(grids.image, grids.model, strict=True))
    canvas = Canvas(Frame((frame.y0, frame.x0), frame.shape, ratio))
    plan = inside_plan(layout, grids, request.image, places)
    notes, done = list(layout.notes), 0
    yield Progress(0, len(layout.tiles), f"Looking inside {card.name}")
    with closing(run_tiles(plan, forward, BatchSize(device))) as steps:
        for step in steps:
            if isinstance(step, Notice):
                notes.append(step.message)
                continue
            if step.values is not None:
                canvas.put(step.values, (step.box.y0, step.box.x0), step.box.shape)
            done += 1
            yield Progress(done, done + step.remaining, f"Looking inside {card.name}")
    spans = (region.y0, region.y1), (region.x0, region.x1)
    return Sight(canvas.cut(spans), region, tuple(notes))


def numbers_of(maps: BlockMaps) -> BlockNumbers:
    """Return what is measured of one block."""
    distance = 0.0
    if maps.last is not None:
        distance = float(scr_residual(maps.maps, maps.last).mean(dtype=np.float64))
    share = None
    if maps.attention is not None and maps.mask is not None:
        share = overlap(maps.attention, maps.mask)
    return block_numbers(maps.block, maps.maps, distance, share)


def chosen_blocks(model: Model, blocks: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the blocks that are kept, in the order of the forward pass.

    Parameters
    ----------
    model : Model
    blocks : tuple of str, optional
        Names; all by default.

    Returns
    -------
    tuple of str

    Raises
    ------
    BadModelError
        If the model lacks one of them, or none is named.
    """
    there = model.tapspec.blocks
    unknown = [block for block in blocks or () if block not in there]
    if unknown or blocks == ():
        name = f"no block {unknown[0]!r}" if unknown else "nothing to show without a block"
        raise BadModelError(f"The model {model.card.name!r} has {name}: it has {', '.join(there)}.")
    return tuple(block for block in there if blocks is None or block in blocks)


def _empty(asked: Attention | None, model: Model, blocks: dict[str, BlockMaps]) -> tuple[str, ...]:
    """Return a note where attention was asked for nothing at all."""
    masks = [maps.mask for maps in blocks.values() if maps.mask is not None]
    if asked is None or any(mask.any() for mask in masks):
        return ()
    if asked.mask is not None:
        return ("The mask is empty here, and so is the attention.",)
    names = ("background", *model.card.classes, "contour")
    return (f"The model finds no {names[asked.class_index]} here: its attention is empty.",)
