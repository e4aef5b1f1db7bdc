"""States of a project to go back to, such as the one before *Re-segment*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.edit.change import bounds
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project.generations import (
    FieldFacts,
    Generation,
    labels_folder,
    read_state,
)
from napari_selfreg.io.project.ome_labels import read_labels
from napari_selfreg.io.project.records import Labels, ObjectState

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project


DAMAGED = "The earlier state is damaged on the disk: it cannot be brought back."

_NOTHING = ObjectState()


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    box: Box
    after: npt.NDArray[np.int32]


class Bookmarks:
    """Named states of a project; reach them as ``project.bookmarks``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def names(self) -> tuple[str, ...]:
        """All names, oldest first."""
        return tuple(self._project.bookmarked)

    def put(self, name: str) -> None:
        """Keep the present state under a name; one of that name is replaced.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        self._project.snapshot(name)

    def drop(self, name: str) -> None:
        """Forget a state; its folders are removed with the next snapshot.

        Raises
        ------
        WriteError
            If the project is read-only.
        """
        self._project.check_writable()
        self._project.bookmarked.pop(name, None)

    def restore(self, name: str, fields: Iterable[str] | None = None) -> tuple[str, ...]:
        """Put labels, objects, state and model of fields back as they were.

        Regions, notes and cameras stay. Each field is one record of the journal, so this can be
        recovered, and taken back by another bookmark.

        Parameters
        ----------
        name : str
            Of the bookmark.
        fields : iterable of str, optional
            Ids; all that were there by default.

        Returns
        -------
        tuple of str
            Ids of the fields that are different now.

        Raises
        ------
        KeyError
            If there is no such bookmark.
        BadInputError
            If it is damaged.
        WriteError
            If the project is read-only.
        """
        project = self._project
        project.check_writable()
        state = self._state(name)
        wanted = list(state.labels) if fields is None else list(fields)
        known = {record.id for record in project.fields}
        changed = []
        for field in wanted:
            if field in known and field in state.labels:
                place = labels_folder(project.folder, state.labels[field], field)
                labels = _labels(place, project.field(field).shape)
                if self._put_back(field, labels, state.facts.get(field, FieldFacts())):
                    changed.append(field)
        return tuple(changed)

    def _state(self, name: str) -> Generation:
        try:
            return read_state(self._project.folder, self._project.bookmarked[name])
        except (OSError, ValueError) as error:
            raise BadInputError(DAMAGED) from error

    def _put_back(self, field: str, labels: Labels, facts: FieldFacts) -> bool:
        project = self._project
        now = project.facts(field)
        blocks = _difference(project.labels(field), labels)
        objects = _to_set(now.objects, facts.objects)
        if blocks:  # say all: nothing is to follow from pixels that go
            project.apply(field, blocks, {**dict.fromkeys(now.objects, _NOTHING), **facts.objects})
        elif objects:
            project.set_objects(field, objects)
        if (now.model, now.version) != (facts.model, facts.version):
            project.set_model(field, facts.model, facts.version)
        if now.state != facts.state:
            project.set_state(field, facts.state)
        return bool(blocks or objects)


def _labels(place: Path, shape: tuple[int, int]) -> Labels:
    try:
        return read_labels(place, shape)
    except FileNotFoundError as error:
        raise BadInputError(DAMAGED) from error


def _difference(now: Labels, then: Labels) -> list[_Block]:
    """Return the rectangle in which labels differ, with what it held then."""
    box = bounds(now != then)
    return [] if box.empty else [_Block(box, then[box.slices])]


def _to_set(
    now: Mapping[int, ObjectState], then: Mapping[int, ObjectState]
) -> dict[int, ObjectState]:
    """Return the facts that differ; what was unknown then becomes unknown again."""
    return {
        label: then.get(label, _NOTHING)
        for label in {*now, *then}
        if now.get(label, _NOTHING) != then.get(label, _NOTHING)
    }
