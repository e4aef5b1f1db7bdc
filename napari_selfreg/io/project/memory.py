"""A project in memory: what its records add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.fields import State
from napari_selfreg.io.project.generations import FieldFacts, Generation
from napari_selfreg.io.project.manifest import ProjectField
from napari_selfreg.io.project.records import (
    Camera,
    CameraSet,
    Edit,
    FieldStateSet,
    Labels,
    ModelSet,
    NoteSet,
    ObjectState,
    Record,
    RegionGone,
    RegionPut,
    VersionActive,
)
from napari_selfreg.io.project.regions import Region
from napari_selfreg.io.project.vanished import Changed, Vanished

Blocks = Sequence[tuple[Box, Labels]]
"""Parts of labels, with the ids they hold after an edit."""


@dataclass(slots=True)
class FieldMemory:
    """One field: its facts, and its labels once somebody has asked for them.

    Until then, edits wait compressed: a hundred fields would not fit into memory. `edits` counts
    those of labels, `steps` those of labels or objects.
    """

    record: ProjectField
    labels: Labels | None = None
    waiting: list[Edit] = field(default_factory=list)
    edits: int = 0
    steps: int = 0
    stored: int = 0
    objects: dict[int, ObjectState] = field(default_factory=dict)
    regions: dict[str, Region] = field(default_factory=dict)
    camera: Camera | None = None
    note: str = ""
    state: State = "new"
    model: str = ""
    version: str = ""
    vanished: Vanished = field(default_factory=Vanished)

    @property
    def changed(self) -> bool:
        """Whether labels were edited since the last generation."""
        return self.edits != self.stored

    def set_facts(self, facts: FieldFacts) -> None:
        """Take over everything but the labels."""
        self.objects, self.regions = dict(facts.objects), dict(facts.regions)
        self.camera, self.note = facts.camera, facts.note
        self.state, self.model, self.version = facts.state, facts.model, facts.version

    def facts(self) -> FieldFacts:
        """Return everything but the labels."""
        return FieldFacts.model_construct(
            objects=dict(self.objects),
            regions=dict(self.regions),
            camera=self.camera,
            note=self.note,
            state=self.state,
            model=self.model,
            version=self.version,
        )

    def edit(self, record: Edit, blocks: Blocks | None = None) -> None:
        """Apply an edit, at once or when the labels are loaded; `blocks` are its own."""
        self.objects.update(record.objects)
        self.steps += 1
        if not record.blocks:
            return
        if self.labels is None:
            self.waiting.append(record)
        else:
            paint(self.labels, record.values() if blocks is None else blocks)
        self.edits += 1

    @property
    def told(self) -> bool:
        """Whether anything is or was known about objects, so that `step` needs the labels."""
        return bool(self.objects or self.vanished)

    def step(self, record: Edit, blocks: Blocks) -> Edit:
        """Apply what a person does; load the labels first if something is `told`.

        Parameters
        ----------
        record : Edit
        blocks : sequence of (Box, ndarray)
            Those of the record, so that they need not be decompressed.

        Returns
        -------
        Edit
            The record, with the facts about objects that are gone or back.
        """
        labels = self.labels
        if labels is None or not blocks or not self.told:
            self.edit(record, blocks)
            return record
        changed, before = Changed.by(labels, blocks), dict(self.objects)
        self.edit(record, blocks)
        facts = self.vanished.follow(labels, changed, before) | record.objects
        self.objects.update(facts)
        return record.model_copy(update={"objects": facts})

    def trial(self) -> FieldMemory:
        """Return a copy to try a step on; its labels must be loaded."""
        assert self.labels is not None
        return replace(
            self,
            labels=self.labels.copy(),
            objects=dict(self.objects),
            vanished=self.vanished.copy(),
        )

    def become(self, trial: FieldMemory) -> None:
        """Take over what a copy has become; nothing may have been edited since it was made."""
        assert trial.labels is not None
        if self.labels is None:  # freed meanwhile
            self.labels = trial.labels
            self.waiting.clear()
        else:
            self.labels[...] = trial.labels
        self.objects, self.vanished = trial.objects, trial.vanished
        self.edits, self.steps = trial.edits, trial.steps

    def load(self, stored: Callable[[], Labels]) -> Labels:
        """Return the labels; `stored` reads those of the last generation."""
        if self.labels is None:
            self.labels = painted(stored(), self.waiting)
            self.waiting.clear()
        return self.labels


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An edit of which everything that takes time is done.

    Parameters
    ----------
    record : Edit
        With the facts that follow from it.
    after : FieldMemory
        What the field becomes.
    steps : int
        Of the field before: with another number it has changed since.
    """

    record: Edit
    after: FieldMemory
    steps: int


class Memory:
    """All fields of a project, and what belongs to none of them.

    Parameters
    ----------
    fields : iterable of ProjectField
        Those in the manifest.
    state : Generation
        What to begin from.
    """

    def __init__(self, fields: Iterable[ProjectField], state: Generation) -> None:
        self.fields = {record.id: FieldMemory(record) for record in fields}
        self.generation_of = dict(state.labels)
        self.active = state.active
        self.looked_at = state.looked_at
        self.bookmarks = dict(state.bookmarks)
        for name, memory in self.fields.items():
            memory.set_facts(state.facts.get(name, FieldFacts()))

    def state(self, sequence: int) -> Generation:
        """Return all but the labels, as it is after record number `sequence`."""
        return Generation.model_construct(
            sequence=sequence,
            labels={
                name: number for name, number in self.generation_of.items() if name in self.fields
            },
            facts={name: memory.facts() for name, memory in self.fields.items()},
            active=self.active,
            looked_at=self.looked_at,
            bookmarks=dict(self.bookmarks),
        )

    def apply(self, record: Record) -> None:
        """Do what a record says.

        Raises
        ------
        KeyError
            If there is no such field.
        BadInputError
            If a block lies outside of the labels.
        """
        if isinstance(record, VersionActive):
            self.active = record.version
            return
        memory = self.fields[record.field]
        match record:
            case Edit():
                check_blocks(record, memory.record.whole)
                memory.edit(record)
            case RegionPut():
                memory.regions[record.region.id] = record.region
            case RegionGone():
                memory.regions.pop(record.region, None)
            case CameraSet():
                memory.camera, self.looked_at = record.camera, record.field
            case NoteSet():
                memory.note = record.text
            case FieldStateSet():
                memory.state = record.state
            case ModelSet():
                memory.model, memory.version = record.model, record.version


def check_blocks(record: Edit, whole: Box) -> None:
    """Raise BadInputError unless all blocks of an edit lie in the labels."""
    for y, x, height, width in record.blocks:
        if y + height > whole.y1 or x + width > whole.x1:
            raise BadInputError(
                f"An edit of {height} x {width} pixels at ({y}, {x}) lies outside of the labels of "
                f"{whole.y1} x {whole.x1} pixels."
            )


def paint(labels: Labels, blocks: Iterable[tuple[Box, Labels]]) -> None:
    """Write the blocks of an edit into labels."""
    for box, values in blocks:
        labels[box.slices] = values


def painted(labels: Labels, records: Iterable[Edit]) -> Labels:
    """Return labels (changed in place) after edits."""
    labels = np.asarray(labels, np.int32)
    for record in records:
        paint(labels, record.values())
    return labels
