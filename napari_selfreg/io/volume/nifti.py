"""NIfTI files: voxels turned to one orientation when read, and turned back when written."""

from __future__ import annotations

import gzip
import logging
import math
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel import imageglobals, orientations
from nibabel.filebasedimages import ImageFileError
from nibabel.fileholders import FileHolder
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from nibabel.wrapstruct import WrapStructError

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.sniff import first_bytes
from napari_selfreg.io.volume.checks import SMALLER, damaged, require_volume
from napari_selfreg.io.volume.grid import Grid, Spacing
from napari_selfreg.io.volume.names import GZIPPED
from napari_selfreg.io.volume.placement import UNTURNED, grid_of, header_fields, turn_of

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_LEVEL = 5
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, ArithmeticError, zlib.error),
    *(ImageFileError, HeaderDataError, HeaderTypeError, WrapStructError),
)
_NIFTI_2 = 540
_CHUNK = 1 << 20


def read_nifti(
    path: Path, dtype: type[np.generic] | None = None, spacing: Spacing | None = None
) -> tuple[npt.NDArray[Any], Grid]:
    """Read one volume.

    Parameters
    ----------
    path : Path
        A ``.nii`` or ``.nii.gz`` file.
    dtype : type, optional
        What values are converted to after the file's own scaling; its natural type if not given.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x; counts only where the file states no place.

    Returns
    -------
    values : ndarray, shape (Z, Y, X)
        Turned to the orientation that `Volume` describes.
    grid : Grid
        Where they lie.

    Raises
    ------
    BadInputError
        If the file is missing, damaged, not what its name says, holds several volumes, a single
        slice or colours, states an affine without inverse, or does not fit into memory.
    """
    _check_packing(path)
    try:
        with _content(path) as stream:
            image = _image(stream)
            shape = tuple(int(n) for n in image.shape)
            kind = np.dtype(image.header.get_data_dtype())
            _check_content(shape, kind, path.name)
            grid = grid_of(image.header, path, spacing)
            require_memory(math.prod(shape) * max(8, kind.itemsize), path.name, SMALLER)
            with np.errstate(over="ignore", invalid="ignore"):
                values = np.asarray(image.dataobj, dtype=dtype).reshape(shape[:3])
            # gzip compares its check sum at the very end, and nibabel stops before
            while stream.read(_CHUNK):
                pass
    except _UNREADABLE as error:
        raise damaged(path.name) from error
    turned = orientations.apply_orientation(values, turn_of(grid))
    return np.ascontiguousarray(turned.T), grid


def nifti_content(labels: npt.NDArray[np.integer[Any]], grid: Grid, *, packed: bool) -> bytes:
    """Return a file of labels, stored as the file that `grid` was read from stores its voxels.

    Orientation, affine, both forms, spacing and units are those of that file. Nothing else of it
    is copied. The same labels give the same bytes.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
        Turned as `read_nifti` returns volumes; none below 0.
    grid : Grid
        Where they lie.
    packed : bool
        Whether the file is to be compressed with gzip.

    Returns
    -------
    bytes
    """
    header = nibabel.Nifti1Header()
    for name, value in header_fields(grid).items():
        header[name] = value
    turn = orientations.ornt_transform(UNTURNED, turn_of(grid))
    stored = orientations.apply_orientation(labels.T, turn)
    top = int(labels.max(initial=0))
    kind = next((k for k in (np.uint8, np.uint16) if top <= np.iinfo(k).max), np.int32)
    header.set_data_dtype(kind)
    header.set_intent("label")  # so that viewers colour them instead of showing greys
    image = nibabel.Nifti1Image(stored.astype(kind), None, header)
    content: bytes = image.to_bytes()
    return gzip.compress(content, _GZIP_LEVEL, mtime=0) if packed else content


def _check_packing(path: Path) -> None:
    """Refuse files whose name and content disagree about being compressed."""
    packed = first_bytes(path).startswith(_GZIP_MAGIC)
    named = path.name.lower().endswith(GZIPPED)
    if named and not packed:
        raise BadInputError(
            f"{path.name} is not compressed although its name ends in .gz: rename it to "
            f"{path.name[:-3]}."
        )
    if packed and not named:
        raise BadInputError(
            f"{path.name} is compressed although its name does not end in .gz: rename it to "
            f"{path.name}.gz."
        )


def _content(path: Path) -> BufferedIOBase:
    packed = path.name.lower().endswith(GZIPPED)
    return gzip.GzipFile(path) if packed else path.open("rb")


def _image(stream: BufferedIOBase) -> Any:
    """Return the image that a stream holds; its voxels are read from the stream when asked for."""
    size = stream.read(4)
    stream.seek(0)
    second = _NIFTI_2 in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    kind = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    imageglobals.logger.addFilter(_silence)  # of what it finds, it tells the terminal
    try:
        # a mapped file could change, or vanish, under the voxels
        return kind.from_file_map({"image": FileHolder(fileobj=stream)}, mmap=False)
    finally:
        imageglobals.logger.removeFilter(_silence)


def _silence(_: logging.LogRecord) -> bool:
    return False  # what it cannot repair it raises, too


def _check_content(shape: tuple[int, ...], kind: np.dtype[Any], name: str) -> None:
    if math.prod(shape[3:]) > 1:
        raise BadInputError(
            f"{name} holds {math.prod(shape[3:])} volumes in one file ({len(shape)}-D): save the "
            "one volume you need as a file of its own."
        )
    if kind.kind not in "iuf":
        raise BadInputError(f"{name} holds colours or complex numbers: save one number per voxel.")
    require_volume(shape[:3], name)
