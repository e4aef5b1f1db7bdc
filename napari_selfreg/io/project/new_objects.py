"""New objects of a model, put around what a person has reviewed in a field."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as _field

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.resegment import resegment_around
from napari_selfreg.core.types import Box
from napari_selfreg.io.project.records import Labels, ObjectState
from napari_selfreg.io.project.reviewed import reviewed_mask
from napari_selfreg.io.project.store import Project


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


def put_objects(project: Project, found: NewObjects, model: str, version: str) -> bool:
    """Put new objects around what is reviewed and accepted in a field of a project.

    Parameters
    ----------
    project : Project
    found : NewObjects
    model, version : str
        Name of the model and its version, for the record of the field.

    Returns
    -------
    bool
        Whether anything has changed.

    Raises
    ------
    WriteError
        If the project is read-only.
    """
    record, facts = project.field(found.field), project.facts(found.field)
    merged, named = around_reviewed(project, found)
    changed = not np.array_equal(project.labels(found.field), merged)
    if changed:
        left = set(np.unique(merged).tolist())
        gone = {label: ObjectState() for label in facts.objects if label not in left}
        project.apply(found.field, [_Whole(record.whole, merged)], {**gone, **named})
    project.set_model(found.field, model, version)
    return changed


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
