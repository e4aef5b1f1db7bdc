"""Where a NIfTI header puts its voxels, and the header fields that put others there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel import orientations
from nibabel.spatialimages import HeaderDataError

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.grid import Affine, Grid, Spacing, SpacingSource, Storage
from napari_selfreg.io.volume.names import volume_stem

UNTURNED = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
"""Orientation, as nibabel notes it, of axes that run to the right, to the front and up."""

_UNIT_MM = 2
_MM = {"meter": 1e3, "mm": 1.0, "micron": 1e-3}
_FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
)
_FLATTEST = 1e-6
"""Smallest volume of a voxel, as a share of the box of its edges, that is no flat voxel."""

_SAME_SIZE = 0.01
"""Sizes that differ by less, in parts, are the same size rounded."""


def grid_of(header: Any, path: Path, spacing: Spacing | None = None) -> Grid:
    """Return the grid of a NIfTI file once its axes are turned.

    Parameters
    ----------
    header : nibabel.Nifti1Header
        Of the file; its first three axes count.
    path : Path
        Of the file.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x as a person states them; counts only where the
        header states no place.

    Returns
    -------
    Grid

    Raises
    ------
    BadInputError
        If the affine has no inverse.
    """
    shape = header.get_data_shape()[:3]
    if int(header["sform_code"]) <= 0 and int(header["qform_code"]) <= 0:
        return _unplaced(header, shape, path, spacing)
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
    edges = _edges(affine)
    notes = _overruled(path, edges, spacing)
    return Grid((z, y, x), edges, affine, volume_stem(path), notes, _storage(header, turn))


def _overruled(path: Path, edges: Spacing, spacing: Spacing | None) -> tuple[str, ...]:
    """Say so where a person states another voxel size than the affine does."""
    if spacing is None or np.allclose(spacing, edges, rtol=_SAME_SIZE):
        return ()
    z, y, x = edges
    note = (
        f"{path.name} states its place in space, so its own voxels of {z:.4g} x {y:.4g} x {x:.4g} "
        "mm count, not the size that was given; correct its affine if they are wrong."
    )
    return (note,)


def _unplaced(header: Any, shape: tuple[int, ...], path: Path, spacing: Spacing | None) -> Grid:
    """Return the grid of a file that states no place, only perhaps the size of its voxels."""
    sizes = [float(size) * _millimetres(header) for size in header.get_zooms()[:3]]
    known = all(math.isfinite(size) and size > 0 for size in sizes)
    stored = _storage(header, UNTURNED)
    if spacing is not None or not known:
        stored.header["pixdim"] = np.ones(8, dtype=np.float32)
        stored.header["xyzt_units"] = np.array(_UNIT_MM, dtype=np.uint8)
        sizes = [1.0, 1.0, 1.0]
    if spacing is not None:
        sizes = list(spacing[::-1])
        stored.header["pixdim"][1:4] = sizes
    x, y, z = sizes
    note = (
        f"{path.name} states no orientation: its axes are taken to run right, to the front and up, "
        f"with voxels of {z:.4g} x {y:.4g} x {x:.4g} mm; write its affine if that is wrong."
    )
    columns, rows, slices = (int(n) for n in shape)
    source: SpacingSource = "option" if spacing is not None else "file" if known else "assumed"
    shape_zyx = slices, rows, columns
    return Grid(shape_zyx, (z, y, x), None, volume_stem(path), (note,), stored, source)


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
    return Storage(turn, {name: np.array(header[name]) for name in _FIELDS})


def turn_of(grid: Grid) -> npt.NDArray[np.float64]:
    """Return how the stored axes become those of the volume, as nibabel notes it."""
    return UNTURNED if grid.storage is None else grid.storage.turn


def header_fields(grid: Grid) -> dict[str, Any]:
    """Return the header fields that place a grid, from the file it was read from if it was one."""
    if grid.storage is not None:
        return {**grid.storage.header, "pixdim": _space_only(grid.storage.header["pixdim"])}
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm")
    header["pixdim"][1:4] = grid.spacing[::-1]
    if grid.affine is not None:
        header.set_sform(grid.affine, code="scanner")
    return {name: np.array(header[name]) for name in _FIELDS}


def _space_only(pixdim: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Keep the sign of the quaternion and three sizes: time and the like are not of labels."""
    sizes = np.ones(8, dtype=np.float32)
    sizes[:4] = pixdim[:4]
    return sizes


def _turned_lengths(shape: tuple[int, ...], turn: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    lengths = np.zeros(3, dtype=np.int64)
    lengths[turn[:, 0].astype(np.int64)] = shape
    return lengths
