"""Memory for a volume: how much may be used, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from napari_selfreg.core.blocks import Spans
from napari_selfreg.engine.devices import free_memory_on
from napari_selfreg.engine.volume.graph import Graph
from napari_selfreg.engine.volume.stages import Room, kept_bytes, plan_stages
from napari_selfreg.io.memory import require_memory

_KEPT_SHARE = 0.3
_PART_SHARE = 0.1
_PART_BYTES = {"cpu": 400_000_000, "mps": 1_000_000_000, "cuda": 4_000_000_000}
"""Larger parts gain little, and a job can be cancelled between parts only."""


def room_on(device: torch.device) -> Room:
    """Return the memory that may be used for parts and for what is kept only to save time."""
    free = free_memory_on(device)
    part = min(_PART_BYTES.get(device.type, 400_000_000), int(_PART_SHARE * free))
    return Room(part, int(_KEPT_SHARE * free))


def check_room(graph: Graph, shape: Sequence[int], region: Spans, room: Room) -> None:
    """Refuse a volume whose features do not fit the memory of this computer.

    Raises
    ------
    BadInputError
        If what must be kept between stages is more than 70 % of the free memory.
    """
    shapes = graph.shapes(tuple(shape))
    stages = plan_stages(graph, shapes, region, Room(room.part, 0))
    remedy = "close other programs, or choose a part of the volume."
    require_memory(kept_bytes(graph, stages) + room.part, "Segmenting this volume", remedy)
