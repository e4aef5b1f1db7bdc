"""``project.json``: which images and model versions a project has, in words a person can read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import Box, PixelSize, UmSource
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.card import ObjectSettings, first_reason
from napari_selfreg.io.project.records import FieldId, Length, Part, VersionId

FILE_NAME = "project.json"
SCHEMA_VERSION: Literal[1] = 1
KIND: Literal["napari-selfreg project"] = "napari-selfreg project"

MAX_NAME = 200
"""Letters of the names of a project and a version."""

_MAX_BYTES = 64 << 20

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[float, Field(gt=0, le=1e9)]


GONE = (
    "{} was moved, renamed or deleted while it was open. Unless it was deleted, corrections are "
    "still kept in it: close the project and open it where it is now."
)


class ImageReference(Part):
    """An image that stays where it is.

    Parameters
    ----------
    path : str
        From the project's folder, with forward slashes.
    size : int
        Bytes of the file.
    fingerprint : str
        SHA-256 of the size and parts of the file, known at once.
    sha256 : str, optional
        Of the whole file, computed in the background.
    mtime_ns : int, optional
        When the file was last changed, in nanoseconds since 1970, as it was hashed: while that
        is so, nobody needs to hash it again.
    """

    path: str
    size: int = Field(ge=0)
    fingerprint: Digest
    sha256: Digest | None = None
    mtime_ns: int | None = None


class ProjectField(Part):
    """One image of a project and how its labels lie on it.

    Parameters
    ----------
    id : str
        Names the field in all files of the project.
    stem : str
        Name of the image without folders and suffix.
    image : ImageReference
    image_shape : (int, int)
        Rows and columns of the image at full resolution.
    shape : (int, int)
        Rows and columns of the labels.
    offset : (float, float)
        Where the labels begin, ``(y, x)`` in pixels of the image at full resolution.
    downsample : (float, float)
        Full-resolution pixels per label pixel along y and x.
    um_per_px : (float, float)
        Micrometres per pixel of the image at full resolution along y and x.
    um_source : {"option", "file", "model"}
        Who stated it.
    classes : tuple of str
        Names of the classes objects can have.
    settings : PostProcessing, optional
        How a person had probabilities made into objects; without it, as the model's card says.
    skip_glass : bool
        Whether parts that surely show nothing but glass were left out.
    """

    id: FieldId
    stem: str = Field(min_length=1, max_length=500)
    image: ImageReference
    image_shape: tuple[Length, Length]
    shape: tuple[Length, Length]
    offset: tuple[float, float] = (0.0, 0.0)
    downsample: tuple[Positive, Positive] = (1.0, 1.0)
    um_per_px: tuple[Positive, Positive]
    um_source: UmSource
    classes: tuple[str, ...] = Field(min_length=1)
    settings: ObjectSettings | None = None
    skip_glass: bool = True

    @property
    def pixel_size(self) -> PixelSize:
        """Of the image at full resolution."""
        return PixelSize(*self.um_per_px)

    @property
    def label_size(self) -> PixelSize:
        """Of the labels."""
        (y, x), (step_y, step_x) = self.um_per_px, self.downsample
        return PixelSize(y * step_y, x * step_x)

    @property
    def whole(self) -> Box:
        """The labels' rectangle in pixels of the labels."""
        return Box(0, 0, *self.shape)


class VersionRecord(Part):
    """A model version.

    Parameters
    ----------
    id : str
        Names it in the project; its file is ``models/<id>.safetensors``.
    title : str
        What a person calls it.
    model : str
        Name on its card.
    sha256 : str
        Of its file.
    parent : str, optional
        Id of the version it was fine-tuned from.
    created : datetime
        In UTC.
    note : str
        The person's own words.
    facts : dict
        What is known about its making (verdict, steps, seed …), JSON-able.
    """

    id: VersionId
    title: str = Field(min_length=1, max_length=MAX_NAME)
    model: str = Field(max_length=200)
    sha256: Digest
    parent: VersionId | None = None
    created: datetime
    note: str = Field(default="", max_length=20_000)
    facts: dict[str, JsonValue] = Field(default_factory=dict)


class Manifest(Part):
    """All of ``project.json``."""

    kind: Literal["napari-selfreg project"] = KIND
    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = Field(min_length=1, max_length=MAX_NAME)
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    fields: tuple[ProjectField, ...] = ()
    versions: tuple[VersionRecord, ...] = ()


def is_project(path: str | Path) -> bool:
    """Tell whether a path is the folder of a project, or its ``project.json``."""
    try:
        return bool(_document(manifest_file(path)).get("kind") == KIND)
    except (OSError, ValueError, AttributeError):
        return False


def manifest_file(path: str | Path) -> Path:
    """Return the ``project.json`` of a project given by its folder or that file."""
    given = Path(path)
    return given if given.name == FILE_NAME else given / FILE_NAME


def read_manifest(path: str | Path) -> Manifest:
    """Read the ``project.json`` of a project.

    Parameters
    ----------
    path : path-like
        The folder, or the file itself.

    Returns
    -------
    Manifest

    Raises
    ------
    BadInputError
        If it is missing, damaged, no project, or was written by a newer program.
    """
    file = manifest_file(path)
    name = file.parent.name
    try:
        content = _document(file)
        version = content.get("schema_version")
        if content.get("kind") == KIND and isinstance(version, int) and version > SCHEMA_VERSION:
            raise BadInputError(
                f"{name} was made by a newer napari-selfreg: update the program to open it."
            )
        return Manifest.model_validate(content)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInputError(
            f"{name} is no project: choose a folder that holds a {FILE_NAME}."
        ) from None
    except OSError as error:
        raise BadInputError(f"{name} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise BadInputError(
            f"The {FILE_NAME} of {name} is damaged ({first_reason(error)}): put back a copy of it."
        ) from error
    except (ValueError, AttributeError) as error:
        raise BadInputError(
            f"The {FILE_NAME} of {name} is damaged: put back a copy of it."
        ) from error


def require_there(folder: Path) -> None:
    """Raise WriteError if an open project has gone from its folder.

    The journal is an open file and goes along; whatever is written by its path would become a
    second project, with half of the corrections.
    """
    if not (folder / FILE_NAME).is_file():
        raise WriteError(GONE.format(folder.name))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``project.json``, atomically; raises WriteError if that fails."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    with atomic_write(folder / FILE_NAME, "w") as stream:
        stream.write(text + "\n")


def _document(file: Path) -> Any:
    with file.open("rb") as stream:
        text = stream.read(_MAX_BYTES)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
