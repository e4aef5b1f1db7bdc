"""What was found on fields of the list that are not on show, as fields for a project."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_selfreg.io.project import NewField, Project
from napari_selfreg.widgets.correct.layer_fields import field_from
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_results import result_info_of
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.result_plane import label_plane, table_of


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file, links followed."""
    return os.path.realpath(one) == os.path.realpath(other)


def unshown_results(fields: Iterable[Field], shown: Path) -> list[tuple[NewField, Any]]:
    """Return results of other fields, each with its layer if it has one.

    Parameters
    ----------
    fields : iterable of Field
        Those of the list, with what each has: layers set aside, or what *Run on all* has found.
    shown : Path
        Image of the field on show, which is left out.

    Returns
    -------
    list of (NewField, napari.layers.Labels or None)
        In the order of the list; fields without a result are left out.
    """
    found: list[tuple[NewField, Any]] = []
    for field in fields:
        if same_file(field.path, shown):
            continue
        layer = field.newest()
        if layer is not None:
            found.append((_from_layer(field, layer), layer))
        elif field.pending is not None:
            found.append((_from_run(field), None))
    return found


def keep_sizes(project: Project, fields: FieldList) -> None:
    """Give the fields of a project that wait the pixel sizes that count for them by now.

    Raises
    ------
    WriteError
        If that cannot be written.
    """
    sizes = {}
    for record in project.fields:
        field = fields.find(project.images.path(record.id))
        size = None if field is None or field is fields.current else field.size_to_come()
        if size is not None:
            sizes[record.id] = size
    project.images.set_pixel_sizes(sizes)


def _from_layer(field: Field, layer: Any) -> NewField:
    info = result_info(layer)
    assert info is not None
    return field_from(field.path, info, label_plane(layer), table_of(layer.features), _size(field))


def _from_run(field: Field) -> NewField:
    """Return what *Run on all* has found on a field that was not shown since."""
    done, card = field.pending
    found = done.result.result
    info = result_info_of(done, card, _Nothing())
    return field_from(field.path, info, found.labels, found.table, _size(field))


def _size(field: Field) -> tuple[int, int] | None:
    return field.facts.shape if field.facts is not None else None


class _Nothing:
    """An image layer that is not there yet."""

    unique_id = None
