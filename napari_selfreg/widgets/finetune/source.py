"""What the Fine-tune panel needs of corrections, and where it gets it from an open project.

The panel knows corrections only through `Corrections`. `ProjectCorrections` is made of the project
in `Shared.project`, which the Correct panel opens. When this panel changes labels or regions of
fields, it does so in the project and tells `Shared.projectEdited` the ids of these fields: who
shows them in layers reads them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.finetune_types import FinetuneField
from napari_selfreg.io.fields import State
from napari_selfreg.io.project import ObjectState, Project, ProjectField, Region, VersionRecord
from napari_selfreg.io.project.pictures import read_picture
from napari_selfreg.io.project.reviewed import reviewed_mask

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class FieldNote:
    """What the panel says about a field without reading its pixels.

    Parameters
    ----------
    id, name : str
        In the project, and on screen.
    state : {"new", "segmented", "corrected", "done"}
    regions : int
        Reviewed regions.
    model : str
        Name of the model that has made its objects; empty if unknown.
    """

    id: str
    name: str
    state: State
    regions: int
    model: str = ""


class Corrections(Protocol):
    """Fields with corrections, and the versions of the model they have led to.

    `read` and `keep` are called in the thread of a job, all else in the main thread.
    """

    @property
    def name(self) -> str:
        """What a person calls them."""

    @property
    def reason(self) -> str:
        """Why nothing can be changed, for a person; empty if it can."""

    def fields(self) -> tuple[FieldNote, ...]:
        """Return all fields, in order."""

    def changed(self) -> object:
        """Return something that is another one after any change."""

    def read(self, field: str, classes: Sequence[str]) -> FinetuneField:
        """Read picture, labels and what is reviewed of a field, for a model of these classes."""

    def keep(
        self, bundle: Path, title: str, parent: str | None, facts: Mapping[str, Any]
    ) -> VersionRecord:
        """Keep a model as a new version, not yet in use."""

    def treat_as_done(self) -> tuple[str, ...]:
        """Take all of every corrected field as reviewed; return the ids of these fields."""


class ProjectCorrections:
    """The corrections of a project.

    Parameters
    ----------
    project : Project
        Open; it stays so.
    """

    def __init__(self, project: Project) -> None:
        self.project = project

    @property
    def name(self) -> str:
        """Of the project."""
        return self.project.name

    @property
    def reason(self) -> str:
        """Why it is read-only; empty if it is not."""
        return self.project.reason

    def fields(self) -> tuple[FieldNote, ...]:
        """Return all fields, in order."""
        return tuple(self._note(record) for record in self.project.fields)

    def _note(self, record: ProjectField) -> FieldNote:
        facts = self.project.facts(record.id)
        return FieldNote(record.id, record.stem, facts.state, len(facts.regions), facts.model)

    def changed(self) -> object:
        """Return number of the last change, and the versions."""
        return self.project.sequence, self.project.manifest

    def read(self, field: str, classes: Sequence[str]) -> FinetuneField:
        """Read a field; raises BadInputError, in one sentence, if that cannot be.

        Parameters
        ----------
        field : str
            Its id.
        classes : sequence of str
            Of the model. With several, labels become numbers of classes, and objects whose class
            the model does not know count as not reviewed.
        """
        record, facts = self.project.field(field), self.project.facts(field)
        labels = np.array(self.project.labels(field))
        mask = reviewed_mask(facts.regions.values(), record)
        if len(classes) > 1:
            known = class_labels(labels, facts.objects, classes)
            mask &= (known > 0) | (labels == 0)
            labels = known
        size = PixelSize(record.label_size.y, record.label_size.x)
        picture = read_picture(self.project, field)
        return FinetuneField(picture, labels, mask, size, record.stem)

    def keep(
        self, bundle: Path, title: str, parent: str | None, facts: Mapping[str, Any]
    ) -> VersionRecord:
        """Copy a model into the project; raises WriteError if that fails."""
        return self.project.versions.add(bundle, title, parent=parent, facts=facts)

    def treat_as_done(self) -> tuple[str, ...]:
        """Put a region around all of every corrected field; raises WriteError if read-only."""
        chosen = tuple(note.id for note in self.fields() if may_be_done(note))
        for field in chosen:
            box = extent(self.project.field(field))
            self.project.put_region(field, Region.rectangle(box, "field"))
            self.project.set_state(field, "done")
        return chosen


def may_be_done(note: FieldNote) -> bool:
    """Tell whether a field was corrected, but nothing of it was called reviewed."""
    return note.state in ("corrected", "done") and not note.regions


def extent(record: ProjectField) -> Box:
    """Return where the labels of a field lie, in pixels of its image at full resolution."""
    (y, x), (step_y, step_x) = record.offset, record.downsample
    rows, columns = record.shape
    return Box(round(y), round(x), round(y + rows * step_y), round(x + columns * step_x))


def class_labels(
    labels: Labels, objects: Mapping[int, ObjectState], classes: Sequence[str]
) -> Labels:
    """Return the number of each pixel's class, from 1 on; 0 where it is not known.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    objects : mapping of int to ObjectState
        What is known about objects, by id.
    classes : sequence of str
        Of the model, in order.

    Raises
    ------
    BadInputError
        If no object has a class that the model knows.
    """
    table = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    for label, said in objects.items():
        if said.class_name in classes and label < len(table):
            table[label] = 1 + list(classes).index(said.class_name)
    if labels.any() and not table.any():
        raise BadInputError(
            f"No object has a class of this model ({', '.join(classes)}): set the classes first."
        )
    return table[labels]
