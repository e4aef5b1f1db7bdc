"""What a person does, one record each, as the journal keeps it.

Records hold absolute values, never differences: replaying one twice, or over a newer state that
already contains it, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.fields import State
from napari_selfreg.io.project.regions import Region

Labels = npt.NDArray[np.int32]
FieldId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
VersionId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Position = Annotated[int, Field(ge=0, lt=2**31)]
Length = Annotated[int, Field(gt=0, lt=2**31)]

_LITTLE = np.dtype("<i4")


class LabelEdit(Protocol):
    """Any edit of a label array: what a block holds afterwards."""

    @property
    def box(self) -> Box:
        """Block in pixels of the label array."""

    @property
    def after(self) -> npt.NDArray[Any]:
        """Ids in the block after the edit, shape of `box`."""


class Part(BaseModel):
    """Base of everything that is stored as JSON: frozen, strict about names and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ObjectState(Part):
    """What a person said about one object.

    Parameters
    ----------
    class_name : str
        Its class; empty for the only class, or if none was said.
    accepted : bool
        Whether it was found right as it is.
    """

    class_name: str = Field(default="", max_length=200)
    accepted: bool = False


class Camera(Part):
    """What was looked at.

    Parameters
    ----------
    center : (float, float)
        ``(y, x)`` in pixels of the image at full resolution.
    zoom : float
        Screen pixels per unit of the viewer's world.
    """

    center: tuple[float, float]
    zoom: float = Field(gt=0)


class Edit(Part):
    """New labels in blocks, new facts about objects, or both: one step of a person.

    Parameters
    ----------
    kind : {"edit"}
    field : str
        Id of the field.
    blocks : sequence of (y, x, height, width)
        In pixels of the label array.
    objects : mapping of int to ObjectState
        Facts by object id.
    packed : bytes
        The ids of all blocks, row by row, compressed.
    """

    kind: Literal["edit"] = "edit"
    field: FieldId
    blocks: tuple[tuple[Position, Position, Length, Length], ...] = ()
    objects: dict[int, ObjectState] = Field(default_factory=dict)
    packed: bytes = Field(default=b"", exclude=True, repr=False)

    @classmethod
    def of(
        cls,
        field: str,
        edits: Iterable[LabelEdit] = (),
        objects: Mapping[int, ObjectState] | None = None,
    ) -> Edit:
        """Return the record of blocks and facts; the arrays are copied."""
        return cls.of_blocks(field, blocks_of(edits), objects)

    @classmethod
    def of_blocks(
        cls,
        field: str,
        blocks: Sequence[tuple[Box, Labels]],
        objects: Mapping[int, ObjectState] | None = None,
    ) -> Edit:
        """Return the record of what `blocks_of` has returned, and of facts."""
        places = tuple((box.y0, box.x0, *box.shape) for box, _ in blocks)
        packed = _packed([values for _, values in blocks]) if blocks else b""
        return cls(field=field, blocks=places, objects=dict(objects or {}), packed=packed)

    def values(self) -> Iterator[tuple[Box, Labels]]:
        """Yield every block with its ids; ValueError if they are damaged."""
        if not self.blocks:
            return
        size = sum(height * width for *_, height, width in self.blocks)
        try:
            raw = imagecodecs.zstd_decode(self.packed, out=size * _LITTLE.itemsize)
        except imagecodecs.ZstdError as error:
            raise ValueError("a block of labels cannot be read") from error
        flat = np.frombuffer(raw, _LITTLE)
        if flat.size != size:
            raise ValueError("a block of labels has the wrong size")
        for y, x, height, width in self.blocks:
            part, flat = flat[: height * width], flat[height * width :]
            yield Box(y, x, y + height, x + width), part.reshape(height, width)


class RegionPut(Part):
    """A region was drawn or changed."""

    kind: Literal["region"] = "region"
    field: FieldId
    region: Region


class RegionGone(Part):
    """A region was removed."""

    kind: Literal["region gone"] = "region gone"
    field: FieldId
    region: str


class CameraSet(Part):
    """A field was looked at; the last such record tells which one is open."""

    kind: Literal["camera"] = "camera"
    field: FieldId
    camera: Camera


class NoteSet(Part):
    """A note was written about a field."""

    kind: Literal["note"] = "note"
    field: FieldId
    text: str = Field(max_length=20_000)


class FieldStateSet(Part):
    """How far a person is with a field."""

    kind: Literal["state"] = "state"
    field: FieldId
    state: State


class ModelSet(Part):
    """Which model, in which version, has made the objects of a field."""

    kind: Literal["model"] = "model"
    field: FieldId
    model: str = Field(max_length=200)
    version: str = Field(max_length=200)


class VersionActive(Part):
    """Which model version segments from now on; None is the model chosen in the panel."""

    kind: Literal["version"] = "version"
    version: VersionId | None


Record = Annotated[
    Edit | RegionPut | RegionGone | CameraSet | NoteSet | FieldStateSet | ModelSet | VersionActive,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Record] = TypeAdapter(Record)


def encode(record: Record) -> tuple[bytes, bytes]:
    """Return a record as JSON and the bytes that go with it."""
    packed = record.packed if isinstance(record, Edit) else b""
    return record.model_dump_json().encode(), packed


def decode(text: bytes, packed: bytes) -> Record:
    """Return the record of `encode`; ValueError if it is none."""
    record = _ADAPTER.validate_json(text)
    return record.model_copy(update={"packed": packed}) if isinstance(record, Edit) else record


def blocks_of(edits: Iterable[LabelEdit]) -> list[tuple[Box, Labels]]:
    """Return where edits lie and what is there afterwards, without empty ones.

    Raises
    ------
    ValueError
        If an array has not the shape of its box.
    BadInputError
        If an id is too large.
    """
    blocks = [(edit.box, as_ids(edit.after)) for edit in edits if not edit.box.empty]
    for box, values in blocks:
        if values.shape != box.shape:
            raise ValueError(f"labels of {values.shape} for a block of {box.shape}")
    return blocks


def as_ids(labels: npt.ArrayLike) -> Labels:
    """Return labels as int32, shape (Y, X), the same array if they are; raises BadInputError."""
    given = np.asarray(labels)
    if not np.can_cast(given.dtype, np.int32) and given.size:
        known = np.iinfo(np.int32)
        if given.max() > known.max or given.min() < known.min:
            raise BadInputError(
                f"An object has a number beyond {known.max}: number the objects anew first."
            )
    return np.asarray(given, np.int32)


def _packed(arrays: Sequence[Labels]) -> bytes:
    raw: Any = [np.ascontiguousarray(array, _LITTLE) for array in arrays]
    raw = raw[0] if len(raw) == 1 else b"".join(raw)  # one block needs no copy
    return bytes(imagecodecs.zstd_encode(raw, level=1))
