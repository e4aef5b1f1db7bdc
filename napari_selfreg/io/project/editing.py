"""What a person can do to a project: one method for each kind of record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from napari_selfreg.io.fields import State
from napari_selfreg.io.project.memory import Blocks
from napari_selfreg.io.project.records import (
    Camera,
    CameraSet,
    Edit,
    FieldStateSet,
    LabelEdit,
    ModelSet,
    NoteSet,
    ObjectState,
    Record,
    RegionGone,
    RegionPut,
    blocks_of,
)
from napari_selfreg.io.project.regions import Region


class Editing(ABC):
    """The methods of `Project` that change its fields.

    All return the sequence number of the record they have written. They raise WriteError if the
    project is read-only and KeyError if there is no such field.
    """

    @abstractmethod
    def record(self, record: Record, blocks: Blocks | None = None) -> int:
        """Put a record into memory and journal; `blocks` are those of an edit, if at hand."""

    def apply(
        self,
        field: str,
        edits: Iterable[LabelEdit] = (),
        objects: Mapping[int, ObjectState] | None = None,
    ) -> int:
        """Record one step of a person: new labels in blocks, facts about objects, or both.

        Parameters
        ----------
        field : str
            Its id.
        edits : iterable of LabelEdit
            Blocks in pixels of the labels, with the ids they hold afterwards.
        objects : mapping of int to ObjectState, optional
            Facts by object id. Those about an object are forgotten with its last pixel, and
            known again when that is put back.

        Returns
        -------
        int
            Sequence number of the record: the step is recovered whole or not at all.

        Raises
        ------
        BadInputError
            If a block lies outside of the labels, or these are damaged.
        WriteError
            If the project is read-only. A full disk is told by `problem` instead.
        """
        blocks = blocks_of(edits)
        return self.record(Edit.of_blocks(field, blocks, objects), blocks)

    def set_objects(self, field: str, objects: Mapping[int, ObjectState]) -> int:
        """Record classes and acceptance of objects, by id."""
        return self.apply(field, (), objects)

    def put_region(self, field: str, region: Region) -> int:
        """Record a new region, or a changed one of the same id."""
        return self.record(RegionPut(field=field, region=region))

    def remove_region(self, field: str, region: str) -> int:
        """Record that a region is gone, by its id."""
        return self.record(RegionGone(field=field, region=region))

    def set_camera(self, field: str, camera: Camera) -> int:
        """Record what is looked at; the field is then the one to open first."""
        return self.record(CameraSet(field=field, camera=camera))

    def set_note(self, field: str, text: str) -> int:
        """Record a note about a field."""
        return self.record(NoteSet(field=field, text=text))

    def set_state(self, field: str, state: State) -> int:
        """Record how far a person is with a field."""
        return self.record(FieldStateSet(field=field, state=state))

    def set_model(self, field: str, model: str, version: str) -> int:
        """Record what has made the objects of a field."""
        return self.record(ModelSet(field=field, model=model, version=version))
