"""A look inside made-up networks: no torch runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.redundancy import block_numbers
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.inside_types import BlockMaps, Inside
from napari_selfreg.widgets.inside.looking import Looked, LookRequest
from tests.widgets.fakes import write_model

BLOCKS = {"E1": 1, "E2": 2, "B": 4, "D2": 2, "D1": 1}
"""Block -> image pixels per map pixel."""

TAPS = {"taps": [{"block": block, "module": block, "adapter": "identity"} for block in BLOCKS]}


def write_network(folder: Path, name: str = "spots", **changes: Any) -> Path:
    return write_model(folder, name=name, taps=TAPS, **changes)


def block_maps(
    image: np.ndarray, box: Box, block: str, channels: int = 6, attention: bool = False
) -> BlockMaps:
    """Darkness of the image on the grid of a block: channel k is weaker by 1 / (k + 1)."""
    step = BLOCKS[block]
    dark = 1 - image[box.slices].mean(axis=2) / 255
    rows, columns = (-(-side // step) for side in box.shape)
    padded = np.pad(
        dark, [(0, rows * step - box.shape[0]), (0, columns * step - box.shape[1])], mode="edge"
    )
    coarse = padded.reshape(rows, step, columns, step).mean(axis=(1, 3))
    weights = 1 / np.arange(1, channels + 1)
    maps = (weights[:, None, None] * coarse).astype(np.float16)
    maps[-1] = 1 - maps[0]
    return BlockMaps(
        block,
        maps,
        (float(step), float(step)),
        (box.y0 + (step - 1) / 2, box.x0 + (step - 1) / 2),
        coarse.astype(np.float32) if attention else None,
        importance=np.arange(channels, dtype=np.float32) if attention else None,
        last=coarse.astype(np.float32),
    )


def inside_of(
    image: np.ndarray, box: Box, name: str = "spots", numbers: bool = False, **changes: Any
) -> Inside:
    blocks = {block: block_maps(image, box, block, **changes) for block in BLOCKS}
    measured = {
        block: block_numbers(block, maps.maps, 0.25) for block, maps in blocks.items() if numbers
    }
    return Inside(name, PixelSize.isotropic(1.0), box, blocks, measured)


@dataclass
class FakeLook:
    """Looks at once, or waits where a test wants it to."""

    error: Exception | None = None
    notes: tuple[str, ...] = ()
    gate: threading.Event = field(default_factory=threading.Event)
    requests: list[LookRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, request: LookRequest) -> Iterator[Event]:
        self.requests.append(request)
        yield Progress(0, 1, "Looking inside")
        while not self.gate.wait(0.01):
            yield Progress(0, 1, "Looking inside")
        if self.error is not None:
            raise self.error
        image = np.asarray(request.picture.colours())
        insides = tuple(
            inside_of(
                image,
                request.box,
                source.name,
                request.numbers,
                attention=request.target is not None,
            )
            for source in request.sources
        )
        alike = dict.fromkeys(BLOCKS, 0.75) if len(insides) == 2 and request.numbers else {}
        return Looked(request, insides, alike)
