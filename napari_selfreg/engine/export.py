"""Job: the corrected objects of a project as the files of `segment`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.measurements import Measurements, measure_objects
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.segment_types import OutputFiles
from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.atomic import write_error
from napari_selfreg.io.images import open_image
from napari_selfreg.io.outputs import (
    Origin,
    check_distinct_stems,
    check_writable,
    output_paths,
    write_results,
)
from napari_selfreg.io.project import FieldFacts, Project, ProjectField
from napari_selfreg.io.project.pictures import pixels_on_labels
from napari_selfreg.io.project.regions import Region, write_regions
from napari_selfreg.io.project.reviewed import extent, reviewed_mask
from napari_selfreg.io.qupath_tiles import SlidePlace, place_by_name

REGIONS = "regions"
"""Folder beside the results, for ``finetune --regions``."""

NO_FIT = "The stains of {name} were not measured: the image does not lie under its objects."
CHANGED = "The image of {name} was changed since it was corrected: its stains are those it has now."


@dataclass(frozen=True)
class ExportRequest:
    """Which project to export, and where to.

    Parameters
    ----------
    project : Project, str or Path
        An open project, or the folder of one; one that is open elsewhere is only read.
    output_dir : str or Path
        Folder for the results; made if it is missing.
    fields : sequence of str, optional
        Ids of the fields to export; all by default.
    compressed : bool, default False
        Write outlines as ``.geojson.gz``.
    """

    project: Project | str | Path
    output_dir: str | Path
    fields: Sequence[str] | None = None
    compressed: bool = False


class ExportResult(TypedDict):
    """What ``export --json`` prints for one field."""

    image: str
    objects: int
    accepted: int
    reviewed: int
    outputs: OutputFiles


def export(request: ExportRequest) -> Generator[Event, None, list[ExportResult]]:
    """Write label image, outlines, measurements and regions of every field, as corrected.

    Parameters
    ----------
    request : ExportRequest

    Yields
    ------
    Event
        `Progress` in fields, and `Notice`: an image that is not found leaves the stains empty.

    Returns
    -------
    list of dict
        Per field ``image`` (its stem), ``objects``, how many of them are ``accepted`` and
        ``reviewed``, and ``outputs``.

    Raises
    ------
    BadInputError
        If it is no project, its labels are damaged, or two images have one name.
    WriteError
        If the folder cannot be written.
    """
    check_writable(request.output_dir)
    own = not isinstance(request.project, Project)
    opened = request.project
    project = opened if isinstance(opened, Project) else Project.open(opened, hash_images=False)
    with closing(project) if own else nullcontext():
        records = [
            record
            for record in project.fields
            if request.fields is None or record.id in request.fields
        ]
        check_distinct_stems([f"{record.stem}.tif" for record in records])
        files = [output_paths(request.output_dir, record.stem).values() for record in records]
        images = [project.images.path(record.id) for record in records]
        require_apart(chain.from_iterable(files), images)
        results = []
        for number, record in enumerate(records):
            yield Progress(number, len(records), f"Writing {record.stem}")
            results.append((yield from _export_field(project, record, request)))
        return results


def _export_field(
    project: Project, record: ProjectField, request: ExportRequest
) -> Generator[Event, None, ExportResult]:
    labels, facts = np.array(project.labels(record.id)), project.facts(record.id)
    classes = _classes(record, facts)
    known = {label: said.class_name for label, said in facts.objects.items() if said.class_name}
    path = project.images.path(record.id)
    try:
        with open_image(path) as source:
            pixels = pixels_on_labels(source, record)
            if pixels is None:
                yield Notice(NO_FIT.format(name=record.stem))
            elif project.images.state(record.id) == "changed":
                yield Notice(CHANGED.format(name=record.stem))
            table = measure_objects(labels, pixels, None, record.label_size, classes, known)
    except SelfRegError as error:
        yield Notice(f"The stains of {record.stem} were not measured: {error}")
        table = measure_objects(labels, None, None, record.label_size, classes, known)
    table |= object_flags(labels, table, record, facts)
    files = write_results(
        request.output_dir,
        labels,
        table,
        _origin(record, facts, classes, path),
        compressed=request.compressed,
    )
    _write_regions(Path(request.output_dir) / REGIONS / f"{record.stem}.geojson", record, facts)
    return {
        "image": record.stem,
        "objects": len(table["index"]),
        "accepted": int(table["accepted"].sum()),
        "reviewed": int(table["reviewed"].sum()),
        "outputs": {
            "objects": str(files["objects"]),
            "geojson": str(files["geojson"]),
            "measurements": str(files["measurements"]),
        },
    }


def _write_regions(file: Path, record: ProjectField, facts: FieldFacts) -> None:
    """Write what was reviewed in pixels of the image; what an earlier export wrote is gone."""
    regions = tuple(facts.regions.values())
    if any(region.kind == "field" for region in regions):
        regions = (Region.rectangle(extent(record), "field"),)
    if regions:
        write_regions(file, regions)
    else:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(file, error) from error


def object_flags(
    labels: npt.NDArray[np.int32], table: Measurements, record: ProjectField, facts: FieldFacts
) -> Measurements:
    """Return what a person said about objects, as columns of 0 and 1.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    table : dict of str to ndarray
        Of `measure_objects`; the ids in its column ``index`` are asked for.
    record : ProjectField
    facts : FieldFacts

    Returns
    -------
    dict of str to ndarray of int8, shape (n,)
        ``accepted``, and ``reviewed``: the whole object lies in reviewed regions.
    """
    ids = table["index"]
    accepted = {label for label, said in facts.objects.items() if said.accepted}
    mask = reviewed_mask(facts.regions.values(), record)
    outside = np.unique(labels[~mask])
    return {
        "accepted": np.isin(ids, sorted(accepted)).astype(np.int8),
        "reviewed": np.isin(ids, outside, invert=True).astype(np.int8),
    }


def _classes(record: ProjectField, facts: FieldFacts) -> tuple[str, ...]:
    """Return the field's classes, then others that objects were given."""
    said = [each.class_name for each in facts.objects.values() if each.class_name]
    return tuple(dict.fromkeys([*record.classes, *said]))


def _origin(
    record: ProjectField, facts: FieldFacts, classes: tuple[str, ...], path: Path
) -> Origin:
    place, _ = place_by_name(path.name, record.image_shape)
    if any(record.offset):
        place = (place or SlidePlace()).of_part(*record.offset, (1.0, 1.0))
    return Origin(
        record.stem,
        facts.model,
        record.pixel_size,
        record.um_source,
        classes,
        record.downsample,
        place,
        version=facts.version,
        corrected=facts.state in ("corrected", "done"),
    )
