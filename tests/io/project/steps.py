"""Small projects and edits for tests."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import NewField, Project
from napari_selfreg.io.project.references import fingerprint_of

SHAPE = (24, 32)
HOUR = 3600 * 10**9
"""In nanoseconds."""


@dataclass(frozen=True)
class Block:
    """What an edit tool hands on."""

    box: Box
    after: npt.NDArray[Any]


def block(y: int, x: int, height: int, width: int, value: int) -> Block:
    box = Box(y, x, y + height, x + width)
    return Block(box, np.full((height, width), value, np.int32))


def start_labels() -> npt.NDArray[np.int32]:
    labels = np.zeros(SHAPE, np.int32)
    labels[2:9, 3:12] = 1
    labels[12:20, 14:30] = 2
    return labels


def picture(path: Path, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (*shape, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def large_picture(path: Path) -> Path:
    """A picture of which a fingerprint samples parts only, written an hour ago."""
    with picture(path).open("ab") as stream:
        stream.write(bytes(500_000))  # decoders stop before them
    return touch(path, time.time_ns() - HOUR)


def copy_files(project: Project, copy: Path) -> Path:
    """The files of an open project as they are, without what its thread is just writing."""
    shutil.copytree(project.folder, copy, ignore=shutil.ignore_patterns("*.tmp"))
    return copy


def at_rest(project: Project) -> Project:
    """End the work that a project does beside: then its files change with the next edit only."""
    project._keeper.stop()
    return project


def touch(path: Path, moment: int) -> Path:
    os.utime(path, ns=(moment, moment))
    return path


def overwrite_middle(path: Path) -> Path:
    """Change what no fingerprint samples, and nothing of the size."""
    before = path.stat().st_size, fingerprint_of(path)
    with path.open("r+b") as stream:
        stream.seek(100_000)
        stream.write(b"another tissue")
    assert (path.stat().st_size, fingerprint_of(path)) == before
    return touch(path, time.time_ns() - HOUR // 2)


def new_field(image: Path, **changes: Any) -> NewField:
    known: dict[str, Any] = {
        "image": image,
        "labels": start_labels(),
        "pixel_size": PixelSize(0.5, 0.5),
        "um_source": "file",
        "classes": ("gland", "stroma"),
        "class_of": {1: "gland"},
        "model": "glands",
        "version": "0123456789ab",
    }
    return NewField(**{**known, **changes})


def new_project(folder: Path, names: str = "a") -> Project:
    """A project beside its images, one per letter."""
    images = [picture(folder / f"{name}.png", seed) for seed, name in enumerate(names)]
    return Project.create(folder / "case.selfreg", [new_field(image) for image in images])


def content(project: Project) -> dict[str, Any]:
    """Everything that a crash must not lose, comparable with ==."""
    return {
        field.id: (
            project.labels(field.id).tobytes(),
            project.facts(field.id).model_dump(),
        )
        for field in project.fields
    } | {"": (project.active_version, project.looked_at)}
