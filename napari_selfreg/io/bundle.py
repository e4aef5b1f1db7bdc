"""Bundle files: one ``.safetensors`` file whose metadata carries the card.

Format: 8 bytes with the header's length (little endian), the header as JSON, then the tensors
without gaps (https://github.com/huggingface/safetensors#format). Everything the header claims is
checked against the file before memory is allocated. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.card import Card, parse_card
from napari_selfreg.io.plain_json import loads_strict

CARD_KEY = "napari_selfreg.card"
SUFFIX = ".safetensors"
MAX_HEADER_BYTES = 4 * 1024 * 1024
MAX_TENSORS = 4096
MAX_RANK = 8

_ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
_NUMPY = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
_STORABLE = (np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_)
_TENSOR_NAME = re.compile(r"[\w.-]{1,256}")
_FOREIGN = (
    (b"PK\x03\x04", "it is a zip or PyTorch file, which may run code when opened"),
    (b"\x80", "it is a Python pickle, which may run code when opened"),
    (b"\x89HDF", "it is an HDF5 file"),
)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What the header says about one tensor; `start` and `end` are bytes after the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """Card and tensor table of a bundle, checked against the size of the file."""

    path: Path
    card: Card
    tensors: Mapping[str, TensorInfo]
    data_start: int


def write_bundle(path: Path | str, card: Card, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write one bundle, atomically.

    Parameters
    ----------
    path : Path or str
        Target, ending in ``.safetensors``.
    card : Card
        Stored as JSON under one metadata key.
    tensors : mapping of str to ndarray
        float32, float16, int64, int32, uint8 or bool arrays. float32 is stored as it is.

    Raises
    ------
    BadModelError
        If the name has another suffix, or a tensor could not be read back.
    WriteError
        If the file cannot be written; nothing half-written remains.
    """
    from safetensors.numpy import save

    target = Path(path)
    if target.suffix != SUFFIX:
        raise BadModelError(f"{target.name} must end in {SUFFIX} to be saved as a model.")
    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    _check_storable(target, arrays)
    content = save(arrays, metadata={CARD_KEY: card.to_json()})
    with atomic_write(target) as stream:
        stream.write(content)


def _check_storable(target: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Refuse what could be written, but not read again."""
    if not 0 < len(arrays) <= MAX_TENSORS:
        raise BadModelError(
            f"{target.name} was not saved because its network has {len(arrays)} tensors: a model "
            f"has 1 to {MAX_TENSORS}."
        )
    for name, array in arrays.items():
        if array.dtype not in _STORABLE or array.ndim > MAX_RANK:
            raise BadModelError(
                f"{target.name} was not saved because tensor {name} holds {array.ndim}-D "
                f"{array.dtype} values, which models cannot hold: convert it first."
            )
        if not _TENSOR_NAME.fullmatch(name):
            raise BadModelError(
                f"{target.name} was not saved because of the tensor name {name!r}: name modules "
                "with letters, digits, underscores and hyphens only."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadModelError(
                f"{target.name} was not saved because tensor {name} holds values that are not "
                "finite: lower the learning rate and train again."
            )


def open_header(path: Path | str) -> BundleHeader:
    """Read and check the header of a bundle; no tensor is read.

    Parameters
    ----------
    path : Path or str
        The bundle.

    Returns
    -------
    BundleHeader

    Raises
    ------
    BadModelError
        With the reason, for anything but a complete bundle with a valid card.
    """
    target = Path(path)
    try:
        with _open(target) as stream:
            return _read_header(target, stream)
    except OSError as error:
        raise refuse(target, error.strerror or "it cannot be read") from error


def read_card(path: Path | str) -> Card:
    """Return the card of the bundle at `path`; raises BadModelError with the reason."""
    return open_header(path).card


def read_header(path: Path | str) -> dict[str, TensorInfo]:
    """Return name -> TensorInfo of the bundle at `path`; raises BadModelError."""
    return dict(open_header(path).tensors)


def read_tensors(path: Path | str) -> dict[str, npt.NDArray[Any]]:
    """Read all tensors of a bundle.

    Returns
    -------
    dict of str to ndarray
        Native byte order, own memory, writable; F16 and BF16 become float32.

    Raises
    ------
    BadModelError
        If the file is no bundle or holds values that are not finite.
    """
    return load_tensors(open_header(path))


def load_tensors(header: BundleHeader) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors a checked header describes; see `read_tensors`."""
    try:
        with _open(header.path) as stream:
            arrays = {
                name: _read_array(header, stream, info) for name, info in header.tensors.items()
            }
    except OSError as error:
        raise refuse(header.path, error.strerror or "it cannot be read") from error
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise refuse(header.path, f"tensor {name} holds values that are not finite")
    return arrays


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def refuse(path: Path, reason: str) -> BadModelError:
    """Return the error that says why `path` is no model, and what to do."""
    return BadModelError(
        f"{path.name or path} cannot be used as a model because {reason}: "
        f"choose a {SUFFIX} file saved by napari-selfreg."
    )


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise refuse(path, "it is a folder")
    if not path.exists():
        raise refuse(path, "there is no such file")
    if not path.is_file():
        raise refuse(path, "it is not a regular file")
    return path.open("rb")


def _read_header(path: Path, stream: BinaryIO) -> BundleHeader:
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(8)
    if not start:
        raise refuse(path, "it is empty")
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= MAX_HEADER_BYTES:
        raise refuse(path, _what_it_is(start))
    raw = stream.read(length)
    if len(raw) < length:
        raise refuse(path, "it is cut off inside its header")
    try:
        document = loads_strict(raw.decode("utf-8"))
        card, tensors = _split_document(document)
        _check_extent(tensors, size - 8 - length)
    except UnicodeDecodeError:
        raise refuse(path, "its header is not text") from None
    except ValueError as error:
        raise refuse(path, str(error)) from None
    return BundleHeader(path, card, tensors, 8 + length)


def _what_it_is(start: bytes) -> str:
    for magic, reason in _FOREIGN:
        if start.startswith(magic):
            return reason
    return "it does not begin with the header of a safetensors file"


def _split_document(document: Any) -> tuple[Card, dict[str, TensorInfo]]:
    if not isinstance(document, dict):
        raise ValueError("its header is not a JSON object")
    metadata = document.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(CARD_KEY), str):
        raise ValueError("it carries no card")
    if not 0 < len(document) <= MAX_TENSORS:
        raise ValueError("it holds no tensors or far too many")
    tensors = {name: _tensor_info(name, entry) for name, entry in document.items()}
    return parse_card(metadata[CARD_KEY]), tensors


def _tensor_info(name: str, entry: Any) -> TensorInfo:
    if not _TENSOR_NAME.fullmatch(name):
        raise ValueError("a tensor has an impossible name")
    fault = ValueError(f"the header entry of tensor {name} is damaged")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise fault
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _naturals(shape) or not _naturals(offsets):
        raise fault
    if dtype not in _ITEM_BYTES:
        raise ValueError(f"tensor {name} has a number format that is not supported")
    if len(shape) > MAX_RANK or len(offsets) != 2:
        raise fault
    start, end = offsets
    if math.prod(shape) * _ITEM_BYTES[dtype] != end - start:
        raise ValueError(f"the shape of tensor {name} does not fit the bytes stored for it")
    return TensorInfo(dtype, tuple(shape), start, end)


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_extent(tensors: Mapping[str, TensorInfo], available: int) -> None:
    """Tensors must follow each other without gap or overlap and end with the file."""
    position = 0
    for info in sorted(tensors.values(), key=lambda info: (info.start, info.end)):
        if info.start != position:
            raise ValueError("its tensors overlap or leave gaps")
        position = info.end
    if position > available:
        raise ValueError("it is cut off")
    if position < available:
        raise ValueError("there is something behind its last tensor")


def _read_array(header: BundleHeader, stream: BinaryIO, info: TensorInfo) -> npt.NDArray[Any]:
    stream.seek(header.data_start + info.start)
    raw = stream.read(info.end - info.start)
    if len(raw) < info.end - info.start:
        raise refuse(header.path, "it is cut off")
    array: npt.NDArray[Any] = np.frombuffer(raw, _NUMPY.get(info.dtype, "u1"))
    array = array.reshape(info.shape)
    if info.dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    if info.dtype == "F16":
        return array.astype(np.float32)
    return array.astype(bool if info.dtype == "BOOL" else array.dtype.newbyteorder("="))
