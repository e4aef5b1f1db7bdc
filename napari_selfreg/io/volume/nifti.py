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
from napari_selfreg.io.volume.grid import Affine, Grid, Spacing, Storage
from napari_selfreg.io.volume.names import GZIPPED, volume_stem

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_LEVEL = 5
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, ArithmeticError, zlib.error),
    *(ImageFileError, HeaderDataError, HeaderTypeError, WrapStructError),
)
_MM = {"meter": 1e3, "mm": 1.0, "micron": 1e-3}
_UNTURNED = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
_PLACE_FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
)
_NIFTI_2 = 540
_CHUNK = 1 << 20
_FLATTEST = 1e-6
"""Smallest volume of a voxel, as a share of the box of its edges, that is no flat voxel."""


def read_nifti(path: Path, dtype: type[np.generic] | None = None) -> tuple[npt.NDArray[Any], Grid]:
    """Read one volume.

    Parameters
    ----------
    path : Path
        A ``.nii`` or ``.nii.gz`` file.
    dtype : type, optional
        What values are converted to after the file's own scaling; its natural type if not given.

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
            grid = _grid(image.header, path)
            require_memory(math.prod(shape) * max(8, kind.itemsize), path.name, SMALLER)
            with np.errstate(over="ignore", invalid="ignore"):
                values = np.asarray(image.dataobj, dtype=dtype).reshape(shape[:3])
            while stream.read(
                _CHUNK
            ):  # gzip compares its check sum at the end, nibabel stops before
                pass
    except _UNREADABLE as error:
        raise damaged(path.name) from error
    turned = orientations.apply_orientation(values, _turn(grid))
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
    """
    header = nibabel.Nifti1Header()
    for name, value in _place(grid).items():
        header[name] = value
    turn = orientations.ornt_transform(_UNTURNED, _turn(grid))
    stored = orientations.apply_orientation(labels.T, turn)
    header.set_data_dtype(smallest := np.min_scalar_type(int(labels.max(initial=0))))
    image = nibabel.Nifti1Image(stored.astype(smallest), None, header)
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
    imageglobals.logger.addFilter(_silence)  # what it repairs, it tells the terminal
    try:
        # a mapped file could change, or vanish, under the voxels
        return kind.from_file_map({"image": FileHolder(fileobj=stream)}, mmap=False)
    finally:
        imageglobals.logger.removeFilter(_silence)


def _silence(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _check_content(shape: tuple[int, ...], kind: np.dtype[Any], name: str) -> None:
    if math.prod(shape[3:]) > 1:
        raise BadInputError(
            f"{name} holds {math.prod(shape[3:])} volumes in one file ({len(shape)}-D): save the "
            "one volume you need as a file of its own."
        )
    if kind.kind not in "iuf":
        raise BadInputError(f"{name} holds colours or complex numbers: save one number per voxel.")
    require_volume(shape[:3], name)


def _grid(header: Any, path: Path) -> Grid:
    shape = header.get_data_shape()[:3]
    if int(header["sform_code"]) <= 0 and int(header["qform_code"]) <= 0:
        return _unplaced(header, shape, path)
    factor = _millimetres(header)
    try:
        stored = np.asarray(header.get_best_affine(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise _flat(path.name) from error
    _check_affine(stored, path.name)
    turn = orientations.io_orientation(stored)
    affine = stored @ orientations.inv_ornt_aff(turn, shape)
    affine[:3] *= factor
    z, y, x = (int(n) for n in _turned_lengths(shape, turn)[::-1])
    return Grid((z, y, x), _edges(affine), affine, volume_stem(path), (), _storage(header, turn))


def _unplaced(header: Any, shape: tuple[int, ...], path: Path) -> Grid:
    """Return the grid of a file that states no place, only perhaps the size of its voxels."""
    sizes = [float(size) * _millimetres(header) for size in header.get_zooms()[:3]]
    known = all(math.isfinite(size) and size > 0 for size in sizes)
    x, y, z = sizes if known else (1.0, 1.0, 1.0)
    note = (
        f"{path.name} states no orientation: its axes are taken to run right, to the front and up, "
        f"with voxels of {z:.4g} x {y:.4g} x {x:.4g} mm; write its affine if that is wrong."
    )
    stored = _storage(header, _UNTURNED)
    if not known:
        stored.header["pixdim"] = np.ones(8, dtype=np.float32)
    columns, rows, slices = (int(n) for n in shape)
    return Grid((slices, rows, columns), (z, y, x), None, volume_stem(path), (note,), stored)


def _check_affine(affine: Affine, name: str) -> None:
    matrix = affine[:3, :3]
    if not np.all(np.isfinite(affine)):
        raise _flat(name)
    box = float(np.prod(np.linalg.norm(matrix, axis=0)))
    if box <= 0 or abs(float(np.linalg.det(matrix))) < _FLATTEST * box:
        raise _flat(name)


def _flat(name: str) -> BadInputError:
    return BadInputError(
        f"{name} states an affine without inverse, so that its voxels have no volume: save it "
        "again from the program that made it, with a valid affine."
    )


def _edges(affine: Affine) -> Spacing:
    x, y, z = (float(edge) for edge in np.linalg.norm(affine[:3, :3], axis=0))
    return z, y, x


def _millimetres(header: Any) -> float:
    """Return how many millimetres the file's unit has; one without unit is in millimetres."""
    try:
        return _MM.get(header.get_xyzt_units()[0], 1.0)
    except KeyError:
        return 1.0


def _storage(header: Any, turn: npt.NDArray[np.float64]) -> Storage:
    return Storage(turn, {name: np.array(header[name]) for name in _PLACE_FIELDS})


def _turn(grid: Grid) -> npt.NDArray[np.float64]:
    return _UNTURNED if grid.storage is None else grid.storage.turn


def _place(grid: Grid) -> dict[str, Any]:
    """Return the header fields that place a grid, from the file it was read from if it was one."""
    if grid.storage is not None:
        return {**grid.storage.header, "pixdim": _space_only(grid.storage.header["pixdim"])}
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm")
    header["pixdim"][1:4] = grid.spacing[::-1]
    if grid.affine is not None:
        header.set_sform(grid.affine, code="scanner")
    return {name: np.array(header[name]) for name in _PLACE_FIELDS}


def _space_only(pixdim: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Keep the sign of the quaternion and three sizes: time and the like are not of labels."""
    sizes = np.ones(8, dtype=np.float32)
    sizes[:4] = pixdim[:4]
    return sizes


def _turned_lengths(shape: tuple[int, ...], turn: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    lengths = np.zeros(3, dtype=np.int64)
    lengths[turn[:, 0].astype(np.int64)] = shape
    return lengths
