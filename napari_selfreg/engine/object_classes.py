"""Corrected objects with names of classes as targets of a model of several classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.finetune_types import FinetuneField


def by_class(
    field: FinetuneField, named: Mapping[int, str], classes: Sequence[str]
) -> FinetuneField:
    """Return a field whose labels are numbers of classes, from 1 on.

    Parameters
    ----------
    field : FinetuneField
        Its labels are object ids, 0 = background.
    named : mapping of int to str
        Class of each object, where it has one.
    classes : sequence of str
        Of the model, in order; of a single one objects stay as they are.

    Returns
    -------
    FinetuneField
        Objects whose class the model does not know are not reviewed, and counted.

    Raises
    ------
    BadInputError
        If no object has a class that the model knows.
    """
    if len(classes) < 2:
        return field
    ids = field.labels
    table = np.zeros(int(ids.max(initial=0)) + 1, np.int32)
    for label, name in named.items():
        if name in classes and label < len(table):
            table[label] = 1 + list(classes).index(name)
    if ids.any() and not table.any():
        where = f" in {field.name}" if field.name else ""
        raise BadInputError(
            f"No object{where} has a class of this model ({', '.join(classes)}): set the classes "
            "first."
        )
    known = table[ids]
    reviewed = np.ones(ids.shape, np.bool_) if field.reviewed is None else field.reviewed
    lost = reviewed & (ids > 0) & (known == 0)
    return replace(
        field, labels=known, reviewed=reviewed & ~lost, unclassed=len(np.unique(ids[lost]))
    )
