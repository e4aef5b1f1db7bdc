"""Write a whole project: a new one, or the copy of one elsewhere."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import PixelSize, PostProcessing, UmSource
from napari_selfreg.io.atomic import flush_folder, write_error
from napari_selfreg.io.fields import State
from napari_selfreg.io.project.generations import (
    FieldFacts,
    Generation,
    generation_folder,
    labels_folder,
    point_to,
    write_state,
)
from napari_selfreg.io.project.manifest import Manifest, ProjectField, write_manifest
from napari_selfreg.io.project.ome_labels import flush_tree, write_group, write_labels
from napari_selfreg.io.project.records import Labels, ObjectState
from napari_selfreg.io.project.references import reference_to


@dataclass(frozen=True, slots=True, eq=False)
class NewField:
    """An image and its labels, about to become a field of a project.

    Parameters
    ----------
    image : Path
        The file; it stays where it is.
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    pixel_size : PixelSize
        Of the image at full resolution.
    um_source : {"option", "file", "model"}
        Who stated it.
    classes : sequence of str
        Names of the classes objects can have.
    image_shape : (int, int), optional
        Rows and columns of the image at full resolution; those of the labels by default.
    offset : (float, float)
        Where the labels begin, ``(y, x)`` in full-resolution pixels.
    downsample : (float, float)
        Full-resolution pixels per label pixel along y and x.
    class_of : mapping of int to str
        Class of objects by id, where it is known.
    model, version : str
        What has made the labels; empty for labels from elsewhere.
    state : {"new", "segmented", "corrected", "done"}
        How far a person is with it.
    stem : str, optional
        Name in tables; of the file by default.
    settings : PostProcessing, optional
        How the model's probabilities became the labels, where that is known.
    skip_glass : bool, default True
        Whether parts that surely show nothing but glass were left out.
    """

    image: Path
    labels: npt.NDArray[np.integer]
    pixel_size: PixelSize
    um_source: UmSource
    classes: Sequence[str]
    image_shape: tuple[int, int] | None = None
    offset: tuple[float, float] = (0.0, 0.0)
    downsample: tuple[float, float] = (1.0, 1.0)
    class_of: Mapping[int, str] = field(default_factory=dict)
    model: str = ""
    version: str = ""
    state: State = "segmented"
    stem: str = ""
    settings: PostProcessing | None = None
    skip_glass: bool = True

    def record(self, identity: str, project: Path) -> ProjectField:
        """Return what ``project.json`` says about it; raises BadInputError."""
        shape = self.labels.shape
        if len(shape) != 2 or 0 in shape:
            raise BadInputError(
                f"The labels of {self.image.name} have {len(shape)} axes or no pixels: give an "
                "array of rows and columns."
            )
        return ProjectField(
            id=identity,
            stem=self.stem or self.image.stem,
            image=reference_to(self.image, project),
            image_shape=self.image_shape or shape,
            shape=shape,
            offset=self.offset,
            downsample=self.downsample,
            um_per_px=(self.pixel_size.y, self.pixel_size.x),
            um_source=self.um_source,
            classes=tuple(self.classes),
            settings=self.settings,
            skip_glass=self.skip_glass,
        )

    def facts(self) -> FieldFacts:
        """Return what is known beside the labels."""
        return FieldFacts(
            objects={label: ObjectState(class_name=name) for label, name in self.class_of.items()},
            model=self.model,
            version=self.version,
            state=self.state,
        )


def write_project(
    folder: Path,
    manifest: Manifest,
    state: Generation,
    labels_of: Callable[[str], Labels],
    fill: Callable[[Path], None] | None = None,
) -> None:
    """Write a project whose folder appears at once and complete.

    Parameters
    ----------
    folder : Path
        Missing or empty.
    manifest : Manifest
        With paths of images as they are from `folder`.
    state : Generation
        Facts of all fields; its labels and bookmarks are not looked at.
    labels_of : callable
        Id of a field -> its labels.
    fill : callable, optional
        Puts further files into the folder it is given.

    Raises
    ------
    BadInputError
        If something is in the way.
    WriteError
        If it cannot be written; nothing is left behind.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is not empty: choose a new folder for the corrections.")
    temporary = folder.parent / f".selfreg-{secrets.token_hex(8)}.tmp"
    try:
        temporary.mkdir(parents=True)
        write_fields(temporary, 1, manifest.fields, labels_of)
        first = {record.id: 1 for record in manifest.fields}
        begin = {"sequence": 0, "labels": first, "bookmarks": {}}
        write_state(temporary, 1, state.model_copy(update=begin))
        point_to(temporary, 1)
        if fill is not None:
            fill(temporary)
        write_manifest(temporary, manifest)
        if folder.exists():
            folder.rmdir()
        os.replace(temporary, folder)  # noqa: PTH105 - a folder, not a file
        flush_folder(folder.parent)
    except OSError as error:
        raise write_error(folder, error) from error
    except WriteError as error:  # it names a folder that nobody has heard of
        cause = error.__cause__
        raise (write_error(folder, cause) if isinstance(cause, OSError) else error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_fields(
    project: Path,
    number: int,
    records: Sequence[ProjectField],
    labels_of: Callable[[str], Labels],
) -> None:
    """Write labels of fields into a new generation; raises WriteError.

    Parameters
    ----------
    project : Path
        Its folder.
    number : int
        Of the generation.
    records : sequence of ProjectField
        The fields.
    labels_of : callable
        Id of a field -> its labels, asked for one after the other.
    """
    folder = generation_folder(project, number)
    if folder.exists():  # a snapshot that was never completed
        shutil.rmtree(folder, ignore_errors=True)
    write_group(folder, [record.id for record in records])
    for record in records:
        size, (y, x) = record.label_size, record.offset
        place = (y * record.um_per_px[0], x * record.um_per_px[1])
        write_labels(labels_folder(project, number, record.id), labels_of(record.id), size, place)
    flush_tree(folder)
