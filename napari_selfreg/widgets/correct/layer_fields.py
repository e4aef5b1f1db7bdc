"""From a Labels layer to a field of a project, and from the field back to a layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs
from napari.layers import Labels

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PostProcessing
from napari_selfreg.io.fields import State
from napari_selfreg.io.project import (
    FieldFacts,
    NewField,
    Project,
    ProjectField,
    read_manifest,
)
from napari_selfreg.io.project import new_project_folder as _beside
from napari_selfreg.io.project.places import SUFFIX
from napari_selfreg.io.project.references import place_of
from napari_selfreg.io.samples import is_sample
from napari_selfreg.widgets.correct.journal_link import note_written
from napari_selfreg.widgets.image_layers import source_info, um_source
from napari_selfreg.widgets.layers import OWN_KEY, is_picture, picture_of, pixel_size_of
from napari_selfreg.widgets.result_info import (
    FIELD_KEY,
    IMPORTED,
    RESULT_KEY,
    ResultInfo,
    result_info,
)
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.result_plane import label_plane, table_of
from napari_selfreg.widgets.results_snapshot import (
    NO_PIXEL_SIZE,
    full_shape,
    image_of,
    picture_for,
    stem_of,
)
from napari_selfreg.widgets.volume.correcting import is_volume_labels

NO_FILE = (
    "This picture is not a file yet: save it with File > Save, open that file and segment it, so "
    "that the corrections can be found again."
)
NO_PICTURE = "Open the image these labels belong to first, then start correcting."
OTHER_SHAPE = "The labels of {} do not fit its image here: open the image as it was."


def image_path(image: Any) -> Path | None:
    """Return the file that an image layer shows, None if there is none."""
    source = source_info(image)
    if source is not None:
        return source.path
    named = getattr(image.source, "path", None)
    return Path(named) if named and Path(named).is_file() else None


def folder_for(image: Path) -> Path:
    """Return the folder for a new project; that of our own samples goes to Documents."""
    if is_sample(image):
        return _beside(Path(platformdirs.user_documents_path()) / "samples" / image.name)
    return _beside(image)


def project_with(image: Path) -> Path | None:
    """Return the newest project where one for an image would lie, None if none holds the image."""
    folders = folder_for(image).parent.glob(f"*{SUFFIX}")
    for folder in sorted(folders, key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            fields = read_manifest(folder).fields
        except BadInputError:
            continue
        if any(place_of(field.image, folder) == image.absolute() for field in fields):
            return folder
    return None


def field_of(layer: Any) -> tuple[str, str] | None:
    """Return project folder and field id that a layer shows, None if it shows none."""
    found = layer.metadata.get(FIELD_KEY)
    return (str(found[0]), str(found[1])) if isinstance(found, tuple) else None


def field_at(project: Project, path: Path | None) -> str | None:
    """Return the id of the field whose image is a file, None if there is none."""
    for record in project.fields if path is not None else ():
        if os.path.realpath(project.images.path(record.id)) == os.path.realpath(str(path)):
            return record.id
    return None


def mark_field(layer: Any, project: Project, field: str) -> None:
    """Note which field of which project a layer shows; what both hold is the same now."""
    layer.metadata[FIELD_KEY] = (str(project.folder), field)
    note_written(layer, project, field)


def is_correctable(viewer: Any, layer: Any) -> bool:
    """Tell whether a layer holds labels of an image: a result, or a mask of the same size."""
    if not isinstance(layer, Labels) or layer.multiscale or OWN_KEY in layer.metadata:
        return False
    if is_volume_labels(layer):
        return False
    return result_info(layer) is not None or _image_under(viewer, layer) is not None


def adopt(viewer: Any, layer: Any) -> ResultInfo:
    """Return where the objects of a layer come from; labels from elsewhere become imported ones.

    Raises
    ------
    BadInputError
        If there is no image for them, or nobody knows the size of its pixels.
    """
    known = result_info(layer)
    if known is not None:
        return known
    image = _image_under(viewer, layer)
    if image is None:
        raise BadInputError(NO_PICTURE)
    size = pixel_size_of(image)
    if size is None:
        raise BadInputError(NO_PIXEL_SIZE)
    info = ResultInfo(
        model_name=IMPORTED,
        model_title="",
        model_version="",
        classes=("object",),
        pixel_size=size,
        um_source=um_source(image),
        settings=PostProcessing(),
        image_layer_id=image.unique_id,
        stem=stem_of(image),
        box=Box(0, 0, *label_plane(layer).shape),
        plane=picture_of(viewer, image).plane,
    )
    layer.metadata[RESULT_KEY] = info
    return info


def new_field(viewer: Any, layer: Any, state: State = "segmented") -> NewField:
    """Return a layer on show as a field for a project.

    Raises
    ------
    BadInputError
        If its image is gone or no file.
    """
    info = adopt(viewer, layer)
    image = image_of(viewer, layer)
    if image is None:
        raise BadInputError(NO_PICTURE)
    path = image_path(image)
    if path is None:
        raise BadInputError(NO_FILE)
    shape = full_shape(image, picture_for(viewer, image, info))
    return field_from(path, info, label_plane(layer), table_of(layer.features), shape, state)


def field_from(
    path: Path,
    info: ResultInfo,
    labels: npt.NDArray[np.integer[Any]],
    table: dict[str, npt.NDArray[Any]],
    image_shape: tuple[int, int] | None = None,
    state: State = "segmented",
) -> NewField:
    """Return labels of an image as a field for a project.

    Parameters
    ----------
    path : Path
        File of the image.
    info : ResultInfo
        Where the labels come from and how they lie on the image.
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    table : dict of str to ndarray
        Rows of objects: their classes are taken over.
    image_shape : (int, int), optional
        Rows and columns of the image at full resolution.
    state : {"new", "segmented", "corrected", "done"}
        How far a person is with it.
    """
    named = zip(table.get("index", ()), table.get("class", ()), strict=False)
    return NewField(
        image=path,
        labels=labels,
        pixel_size=info.pixel_size,
        um_source=info.um_source,
        classes=info.classes,
        image_shape=image_shape,
        offset=(info.origin[0] * info.factors[0], info.origin[1] * info.factors[1]),
        downsample=info.factors,
        class_of={int(number): str(name) for number, name in named if name},
        model="" if info.model_name == IMPORTED else info.model_name,
        version=info.model_version,
        state=state,
        stem=info.stem,
        settings=None if info.model_name == IMPORTED else info.settings,
        skip_glass=info.skip_glass,
    )


def show_field(viewer: Any, image: Any, project: Project, field: str) -> Any:
    """Add the labels of a field to a viewer that shows its image.

    Raises
    ------
    BadInputError
        If the image does not have the resolution of the labels.
    """
    record, facts = project.field(field), project.facts(field)
    info = info_of(record, facts, image)
    picture = picture_for(viewer, image, info)
    if picture is None or full_shape(image, picture) != record.image_shape:
        raise BadInputError(OTHER_SHAPE.format(record.stem))
    found = _Stored(project.labels(field).copy(), info.box, unmeasured(facts))
    layer = add_result(viewer, image, picture, found, f"{record.stem} corrections", info)
    if label_plane(layer).shape != record.shape:
        viewer.layers.remove(layer)
        raise BadInputError(OTHER_SHAPE.format(record.stem))
    mark_field(layer, project, field)
    return layer


def info_of(record: ProjectField, facts: FieldFacts, image: Any) -> ResultInfo:
    """Return what a layer with the labels of a field says about itself."""
    row, column = (
        round(place / step) for place, step in zip(record.offset, record.downsample, strict=True)
    )
    return ResultInfo(
        model_name=facts.model or IMPORTED,
        model_title=facts.model,
        model_version=facts.version,
        classes=record.classes,
        pixel_size=record.pixel_size,
        um_source=record.um_source,
        settings=record.settings or PostProcessing(),
        skip_glass=record.skip_glass,
        image_layer_id=image.unique_id,
        stem=record.stem,
        box=record.whole.shift(row, column),
        origin=(row, column),
        factors=record.downsample,
    )


class _Stored:
    """Labels of a field, as `add_result` wants them."""

    def __init__(
        self, labels: npt.NDArray[np.int32], box: Box, table: dict[str, npt.NDArray[Any]]
    ) -> None:
        self.labels = labels
        self.box = box
        self.table = table


def unmeasured(facts: FieldFacts) -> dict[str, npt.NDArray[Any]]:
    """Return a table of objects with the classes that are known, and no measurements."""
    named = {number: said.class_name for number, said in facts.objects.items() if said.class_name}
    ids = np.array(sorted(named), dtype=np.int32)
    names = np.array([named[number] for number in ids.tolist()], dtype=object)
    # No area is right: so the panels measure anew, and take the classes over.
    return {"index": ids, "area_um2": np.zeros(ids.size), "class": names}


def _image_under(viewer: Any, layer: Any) -> Any:
    """Return the picture whose plane has the shape of labels that are no result yet."""
    shape = label_plane(layer).shape
    for image in reversed(list(viewer.layers)):
        try:
            if is_picture(image) and picture_of(viewer, image).shape == shape:
                return image
        except BadInputError:
            continue
    return None
