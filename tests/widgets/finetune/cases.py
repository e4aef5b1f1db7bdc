"""Projects with corrections, and jobs that need no torch, for tests of the Fine-tune panel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.core.verdict import Verdict, verdict
from napari_selfreg.engine.events import Event, Notice, Progress, StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BaseScored, FinetuneResult, Planned
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import NewField, Project, Region
from napari_selfreg.widgets.finetune.job import Tuned, TuneRequest, facts_of
from tests.engine.corrections import corrected
from tests.widgets.fakes import write_model

CORNER = Box(0, 0, 40, 40)


def new_project(folder: Path, count: int = 2, state: str = "corrected", **changes: Any) -> Project:
    """Dark squares on bright fields, 64 × 80, corrected but not yet reviewed."""
    fields = []
    for number in range(count):
        made = corrected(seed=number)
        image = folder / f"field{number}.png"
        Image.fromarray(made.picture).save(image)
        known: dict[str, Any] = {
            "image": image,
            "labels": made.labels,
            "pixel_size": PixelSize(1.0, 1.0),
            "um_source": "file",
            "classes": ("gland",),
            "model": "spots",
            "state": state,
        }
        fields.append(NewField(**{**known, **changes}))
    return Project.create(folder / "case.selfreg", fields)


def review(project: Project, field: str = "f1", box: Box = CORNER) -> Region:
    """Mark a part of a field as reviewed."""
    region = Region.rectangle(box)
    project.put_region(field, region)
    return region


def result_of(request: TuneRequest, base: float = 0.7, tuned: float = 0.8) -> FinetuneResult:
    """What the engine would say of three regions, without a network in it."""
    before, after = (base - 0.02, base, base + 0.02), (tuned - 0.021, tuned, tuned + 0.021)
    model: Any = SimpleNamespace(card=read_card(request.base))
    return FinetuneResult(
        model, model, verdict(before, after), before, after, 4, 4, 1.5, request.options.seed
    )


@dataclass
class FakeTuning:
    """A job that learns nothing: four steps, then a new version."""

    tuned: float = 0.8
    error: Exception | None = None
    hold: bool = False
    requests: list[TuneRequest] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: TuneRequest) -> Iterator[Event]:
        self.requests.append(request)
        yield Progress(0, 0, "Preparing the fields")
        yield Notice("There is little to learn from.")
        yield BaseScored(0.7, (0.68, 0.7, 0.72))
        yield Planned(4, 0.5)
        for step in range(1, 5):
            yield StepDone(step, 4, {"total": 1 / step, "ce": 0.5 / step, "learning_rate": 1e-3})
            while self.hold and not self.go.is_set() and not request.enough.is_set():
                yield Progress(0, 0)
                self.go.wait(0.01)
            if request.enough.is_set():
                break
        yield ValidationDone(4, self.tuned, True)
        if self.error is not None:
            raise self.error
        result = result_of(request, tuned=self.tuned)
        bundle = a_version_file(request)
        title = f"Version {request.number}"
        version = request.corrections.keep(bundle, title, request.parent, facts_of(result))
        return Tuned(result, version)


def a_version_file(request: TuneRequest) -> Path:
    """Write a bundle that differs from all versions before."""
    project = request.corrections.project  # type: ignore[attr-defined]
    count = len(project.versions.all) + 1
    folder = project.folder.parent
    return write_model(folder, name=f"spots-tuned{count}", title=f"Dark spots {count}")


def verdicts() -> dict[str, Verdict]:
    """One of each kind."""
    low = np.array([0.7, 0.71, 0.72, 0.73])
    return {
        "better": verdict(low, low + np.array([0.1, 0.11, 0.1, 0.11])),
        "worse": verdict(low, low - np.array([0.1, 0.11, 0.1, 0.11])),
        "no difference": verdict(low, low + np.array([0.001, -0.001, 0.002, 0.0])),
        "cannot tell": verdict(low[:2], low[:2] + 0.06),
    }
