"""A model and a job that need no torch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Event, Notice, Progress, TileDone
from napari_selfreg.io.bundle import write_bundle
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.segment_job import PanelRequest


def make_card(**changes: Any) -> Card:
    values: dict[str, Any] = {
        "name": "spots",
        "title": "Dark spots",
        "tissue": "Made-up tissue",
        "description": "Finds what is dark.",
        "architecture": "basic_unet",
        "classes": ("spot",),
        "um_per_px": (1.0, 1.0),
        "normalisation": {"mean": (0.5,) * 3, "std": (0.2,) * 3},
        "licence": "CC-BY-4.0",
        "terms": "Name the authors.",
        "bad_at": "Everything that is pale.",
    }
    return Card.model_validate(values | changes)


def write_model(folder: Path, **changes: Any) -> Path:
    card = make_card(**changes)
    path = folder / f"{card.name}.safetensors"
    write_bundle(path, card, {"weight": np.zeros(3, np.float32)})
    return path


@dataclass
class Objects:
    """What the engine's result looks like to the panel."""

    labels: np.ndarray
    box: Box
    table: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()
    probability: np.ndarray | None = None
    uncertainty: np.ndarray | None = None
    version: str = "0123456789ab"


@dataclass
class FakeJob:
    """Dark pixels become objects; waits where a test wants it to."""

    error: Exception | None = None
    notice: str = ""
    tiles: int = 4
    gate: threading.Event = field(default_factory=threading.Event)
    requests: list[PanelRequest] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    tiles_done: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, request: PanelRequest) -> Iterator[Event]:
        self.requests.append(request)
        try:
            return (yield from self._steps(request))
        finally:
            self.closed.set()

    def _steps(self, request: PanelRequest) -> Iterator[Event]:
        yield Progress(0, 0, "Reading the image")
        rgb = np.asarray(request.picture.colours()[request.box.slices])
        dark = rgb.mean(axis=2) < 100
        if request.mask is not None:
            dark &= request.mask
        edges = np.linspace(0, len(dark), self.tiles + 1).astype(int)
        for index, (y0, y1) in enumerate(pairwise(edges)):
            while not self.gate.wait(0.01):
                yield Progress(index, self.tiles)
            box = Box(int(y0), 0, int(y1), dark.shape[1]).shift(request.box.y0, request.box.x0)
            preview = dark[y0:y1].astype(np.uint8) * 255
            yield TileDone(box, preview[::2, ::2], index + 1, self.tiles)
            self.tiles_done = index + 1
            if request.enough.is_set():
                dark[y1:] = False
                break
            if self.error is not None and index == 1:
                raise self.error
        if self.notice:
            yield Notice(self.notice)
        labels, count = ndimage.label(dark)
        ids = np.arange(1, count + 1)
        area = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(float)
        table = {"index": ids, "area_um2": area * request.pixel_size.area_um2}
        probability = np.where(dark, 1 - rgb.mean(axis=2) / 255, 0.1).astype(np.float32)[None]
        return Objects(
            labels.astype(np.int32),
            request.box,
            table,
            ("Stopped early.",) if request.enough.is_set() else (),
            probability,
            probability[0] / 2 if request.uncertainty else None,
        )
