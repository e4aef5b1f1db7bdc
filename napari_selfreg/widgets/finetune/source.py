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

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.finetune_types import FinetuneField
from napari_selfreg.engine.object_classes import by_class
from napari_selfreg.io.fields import State
from napari_selfreg.io.project import Project, ProjectField, Region, VersionRecord
from napari_selfreg.io.project.late import opened_again
from napari_selfreg.io.project.pictures import read_picture
from napari_selfreg.io.project.reviewed import extent, reviewed_mask


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
        size = PixelSize(record.label_size.y, record.label_size.x)
        picture = read_picture(self.project, field)
        drawn = FinetuneField(picture, labels, mask, size, record.stem)
        named = {label: said.class_name for label, said in facts.objects.items()}
        return by_class(drawn, named, classes)

    def keep(
        self, bundle: Path, title: str, parent: str | None, facts: Mapping[str, Any]
    ) -> VersionRecord:
        """Copy a model into the project, closed or not; raises WriteError if that fails."""
        try:
            return self.project.versions.add(bundle, title, parent=parent, facts=facts)
        except WriteError:
            if not self.project.closed:
                raise
        with opened_again(self.project) as project:
            return project.versions.add(bundle, title, parent=parent, facts=facts)

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
