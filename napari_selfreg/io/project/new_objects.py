"""New objects of a model, put around what a person has reviewed in a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resegment import resegment_around
from napari_selfreg.core.types import Box
from napari_selfreg.io.project.memory import Prepared
from napari_selfreg.io.project.records import Edit, Labels, ObjectState
from napari_selfreg.io.project.regions import Region
from napari_selfreg.io.project.reviewed import reviewed_mask
from napari_selfreg.io.project.store import Project

MEANWHILE = "{} was edited meanwhile and stays as it is: re-segment again."


@dataclass(frozen=True, slots=True, eq=False)
class NewObjects:
    """What a model finds in one field, not yet put into the project.

    Parameters
    ----------
    field : str
        Its id.
    labels : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    classes : dict of int to str
        Class by object.
    """

    field: str
    labels: Labels
    classes: dict[int, str] = _field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    box: Box
    after: Labels


@dataclass(frozen=True, slots=True, eq=False)
class PreparedObjects:
    """New objects of a field, ready to be put into the project at once.

    Parameters
    ----------
    field : str
        Its id.
    model, version : str
        What has found them.
    steps : int
        Of the field when they were prepared, see `Project.steps`.
    regions : mapping of str to Region
        What was reviewed then.
    edit : Prepared, optional
        None if they change nothing.
    """

    field: str
    model: str
    version: str
    steps: int
    regions: Mapping[str, Region]
    edit: Prepared | None

    def put(self, project: Project) -> bool:
        """Put them into the project.

        Returns
        -------
        bool
            Whether anything has changed.

        Raises
        ------
        BadInputError
            If a person has edited or reviewed the field meanwhile; nothing has changed then.
        WriteError
            If the project is read-only.
        """
        now = project.steps(self.field), project.facts(self.field).regions
        same = now == (self.steps, self.regions)
        if not same or (self.edit is not None and not project.carry_out(self.edit)):
            raise BadInputError(MEANWHILE.format(project.field(self.field).stem))
        project.set_model(self.field, self.model, self.version)
        return self.edit is not None


def prepare_objects(
    project: Project, found: NewObjects, model: str, version: str
) -> PreparedObjects:
    """Work out new objects around what is reviewed and accepted in a field of a project.

    Parameters
    ----------
    project : Project
        It is not changed.
    found : NewObjects
    model, version : str
        Name of the model and its version, for the record of the field.

    Returns
    -------
    PreparedObjects
    """
    steps, record = project.steps(found.field), project.field(found.field)
    facts = project.facts(found.field)
    merged, named = around_reviewed(project, found)
    edit = None
    if not np.array_equal(project.labels(found.field), merged):
        left = set(np.unique(merged).tolist())
        gone = {label: ObjectState() for label in facts.objects if label not in left}
        whole = [_Whole(record.whole, merged)]
        edit = project.prepare(Edit.of(found.field, whole, {**gone, **named}))
    return PreparedObjects(found.field, model, version, steps, facts.regions, edit)


def around_reviewed(
    project: Project, found: NewObjects, looked: npt.NDArray[np.bool_] | None = None
) -> tuple[Labels, dict[int, ObjectState]]:
    """Return the labels of a field with new objects around what is reviewed and accepted.

    Parameters
    ----------
    project : Project
        It is not changed.
    found : NewObjects
    looked : ndarray of bool, shape (Y, X), optional
        Where the model has looked; elsewhere everything stays. Everywhere by default.

    Returns
    -------
    labels : ndarray of int32, shape (Y, X)
    named : dict of int to ObjectState
        What is said about the objects that are new.
    """
    record, facts = project.field(found.field), project.facts(found.field)
    kept = reviewed_mask(facts.regions.values(), record)
    if looked is not None:
        kept |= ~looked
    accepted = [label for label, said in facts.objects.items() if said.accepted]
    merged = resegment_around(project.labels(found.field), found.labels, kept, accepted)
    named = {
        identity: ObjectState(class_name=found.classes.get(one, ""))
        for one, identity in merged.new_ids.items()
    }
    return merged.labels, named
