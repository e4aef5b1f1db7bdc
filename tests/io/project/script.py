"""A script of edits: what a person might do, decided by a number, and what it should lead to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.types import Box
from napari_selfreg.io.project import Camera, ObjectState, Project, Region
from napari_selfreg.io.project.generations import Generation
from napari_selfreg.io.project.memory import Memory
from napari_selfreg.io.project.records import (
    CameraSet,
    Edit,
    FieldStateSet,
    ModelSet,
    NoteSet,
    Record,
    RegionGone,
    RegionPut,
    VersionActive,
)
from tests.io.project.steps import SHAPE, Block

FIELDS = ("f1", "f2")
_SNAPSHOT_EVERY = 17

# Objects that facts are about are painted over, never painted: what is forgotten with their last
# pixel comes back in the process that has seen it only.
_TOLD = (1, 2, 20, 21, 22, 23)
_PAINTED = (0, 3, 4, 5, 6, 7)


def record_at(index: int) -> Record:
    """The record that a script writes as its number `index`."""
    random = np.random.default_rng(index)
    field = FIELDS[random.integers(len(FIELDS))]
    number = int(random.integers(100))
    match index % 10:
        case 7:
            return RegionPut(field=field, region=_region(random))
        case 8:
            return RegionGone(field=field, region=f"r{number % 3}")
        case 9:
            return _small_record(field, number)
    blocks = [_block(random) for _ in range(random.integers(1, 4))]
    objects = {_TOLD[number % 6]: ObjectState(class_name="gland", accepted=bool(number % 2))}
    return Edit.of(field, blocks, objects if number % 3 == 0 else None)


class Expected:
    """What `content` must give after so many records of the script, without any file."""

    def __init__(self, project: Project) -> None:
        self._fields = project.fields
        self._begin = [
            (project.labels(each.id).copy(), project.facts(each.id)) for each in self._fields
        ]
        self._restart()

    def _restart(self) -> None:
        self._memory = Memory(self._fields, Generation())
        self._count = 0
        for memory, (labels, facts) in zip(self._memory.fields.values(), self._begin, strict=True):
            memory.labels = labels.copy()
            memory.set_facts(facts)

    def after(self, count: int) -> dict[str, Any]:
        """Go to record number `count`."""
        if count < self._count:
            self._restart()
        while self._count < count:
            self._count += 1
            record = record_at(self._count)
            if isinstance(record, Edit):
                self._memory.fields[record.field].step(record, list(record.values()))
            else:
                self._memory.apply(record)
        return {
            name: (field.labels.tobytes(), field.facts().model_dump())
            for name, field in self._memory.fields.items()
        } | {"": (self._memory.active, self._memory.looked_at)}


def edit_until_killed(folder: Path) -> None:
    """Go on with the script where the project stands; tell each record that has returned."""
    project = Project.open(folder, hash_images=False)
    _tell(project.sequence)
    while True:
        index = project.sequence + 1
        project.record(record_at(index))
        _tell(index)
        if index % _SNAPSHOT_EVERY == 0:
            project.snapshot()


def serve() -> None:
    """Fork an editing process for each line of stdin: it tells its id first, this one its death.

    Forked, it begins within milliseconds: everything is imported already.
    """
    import zarr.codecs  # noqa: F401

    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _tell(os.getpid())
            edit_until_killed(Path(line.strip()))
        os.waitpid(process, 0)
        _tell("dead")


def _tell(word: object) -> None:
    os.write(1, f"{word}\n".encode())


def _block(random: np.random.Generator) -> Block:
    height, width = (int(size) for size in random.integers(1, 9, 2))
    y = int(random.integers(SHAPE[0] - height + 1))
    x = int(random.integers(SHAPE[1] - width + 1))
    values = random.choice(_PAINTED, (height, width)).astype(np.int32)
    return Block(Box(y, x, y + height, x + width), values)


def _region(random: np.random.Generator) -> Region:
    y, x = (float(value) for value in random.integers(0, 10, 2))
    points = ((y, x), (y, x + 5), (y + 4, x + 5))
    return Region(id=f"r{random.integers(3)}", points=points)


def _small_record(field: str, number: int) -> Record:
    choices: list[Record] = [
        CameraSet(field=field, camera=Camera(center=(number, 1.5), zoom=1 + number)),
        NoteSet(field=field, text=f"note {number}"),
        FieldStateSet(field=field, state="done" if number % 2 else "corrected"),
        ModelSet(field=field, model="mine", version=str(number)),
        VersionActive(version=f"v{number}" if number % 2 else None),
    ]
    return choices[number % len(choices)]


if __name__ == "__main__":
    serve()
