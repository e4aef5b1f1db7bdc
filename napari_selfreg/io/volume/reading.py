"""Read a volume or its labels from any file we know, and write labels beside it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.label_files import labels_from_array
from napari_selfreg.io.volume.checks import require_voxel_size
from napari_selfreg.io.volume.grid import Grid, Spacing, Volume
from napari_selfreg.io.volume.names import GZIPPED, STACK_SUFFIXES, is_nifti

_BEYOND_SCANNERS = 1e9


def is_volume_path(path: str | Path) -> bool:
    """Tell whether a file is a volume: NIfTI by its name, TIFF if it holds a grey stack."""
    file = Path(path)
    if is_nifti(file):
        return True
    if file.suffix.lower() not in STACK_SUFFIXES or not file.is_file():
        return False
    from napari_selfreg.io.volume.tiff import is_stack

    return is_stack(file)


def read_volume(path: str | Path, spacing: Spacing | None = None) -> Volume:
    """Read a volume.

    Parameters
    ----------
    path : path-like
        ``.nii``, ``.nii.gz``, or a TIFF that holds a grey stack.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x as a person states them. They count for TIFF stacks,
        and for NIfTI files that state no place; others keep their own, and a note says so.

    Returns
    -------
    Volume
        Turned upwards, to the front and to the right. Voxels that are no number, or infinite, are
        replaced by the lowest one, and a note says so.

    Raises
    ------
    BadInputError
        If the file is missing, damaged, of several volumes, a single slice, has an affine without
        inverse, holds no finite number, or does not fit into memory.
    """
    file = Path(path)
    stated = None if spacing is None else _checked(spacing)
    values, grid = _opened(file, np.float32, stated)
    voxels, notes = _finite(values, file.name)
    return Volume.on(dataclasses.replace(grid, notes=grid.notes + notes), voxels)


def read_volume_labels(
    path: str | Path, spacing: Spacing | None = None
) -> tuple[npt.NDArray[np.int32], Grid]:
    """Read the labels of a volume.

    Parameters
    ----------
    path, spacing
        As for `read_volume`.

    Returns
    -------
    labels : ndarray of int32, shape (Z, Y, X)
        Class ids, 0 = background. A file of 0 and 255 only is a mask: 255 becomes 1.
    grid : Grid
        Where they lie; its notes say so if nothing is labelled.

    Raises
    ------
    BadInputError
        As `read_volume`, and if a value is no whole number of at least 0.
    """
    file = Path(path)
    values, grid = _opened(file, spacing=None if spacing is None else _checked(spacing))
    flat = labels_from_array(values.reshape(-1, values.shape[-1]), file.name)
    labels = flat.reshape(values.shape)
    notes = _odd_labels(labels, values, file.name)
    return labels, dataclasses.replace(grid, notes=grid.notes + notes)


def _odd_labels(
    labels: npt.NDArray[np.int32], values: npt.NDArray[Any], name: str
) -> tuple[str, ...]:
    """Return sentences about labels that may not be what a person believes they are."""
    if not labels.any():
        return (f"{name} labels nothing, all of it is background: check that it is complete.",)
    if values.max() > labels.max():
        note = (
            f"{name} holds 0 and 255 only and is taken as a mask: 255 is class 1 here, not what is "
            "left out; store the mask as 0 and 1 to be sure."
        )
        return (note,)
    return ()


def write_volume_labels(
    path: str | Path, labels: npt.NDArray[np.integer[Any]], like: Volume | Grid
) -> None:
    """Write labels as a NIfTI file on the grid of another.

    Parameters
    ----------
    path : path-like
        Ends in ``.nii.gz`` or ``.nii``.
    labels : ndarray of int, shape (Z, Y, X)
        Ids from 0 on, on the voxels of `like`.
    like : Volume or Grid
        What was read; the file gets its orientation, affine, spacing and units.

    Raises
    ------
    BadInputError
        If the name is not one of a NIfTI file.
    ValueError
        If the shapes differ or an id is negative.
    WriteError
        If the file cannot be written; what was there before is kept.
    """
    content = labels_content(Path(path), labels, like)
    with atomic_write(path) as stream:
        stream.write(content)


def labels_content(path: Path, labels: npt.NDArray[np.integer[Any]], like: Volume | Grid) -> bytes:
    """Return what `write_volume_labels` writes, for those who write several files together."""
    if not is_nifti(path):
        raise BadInputError(f"Labels of volumes are written as NIfTI: name {path.name} .nii.gz.")
    if labels.shape != like.shape:
        raise ValueError(f"labels of shape {like.shape} expected, got {labels.shape}")
    if int(labels.min(initial=0)) < 0:
        raise ValueError("ids cannot be negative")
    from napari_selfreg.io.volume.nifti import nifti_content

    grid = like.grid if isinstance(like, Volume) else like
    return nifti_content(labels, grid, packed=path.name.lower().endswith(GZIPPED))


def _opened(
    path: Path, dtype: type[np.generic] | None = None, spacing: Spacing | None = None
) -> tuple[npt.NDArray[Any], Grid]:
    # nibabel and tifffile take a second to import: not before someone opens a volume
    if is_nifti(path):
        from napari_selfreg.io.volume.nifti import read_nifti

        return read_nifti(path, dtype, spacing)
    if path.suffix.lower() in STACK_SUFFIXES:
        from napari_selfreg.io.volume.tiff import read_stack

        return read_stack(path, spacing)
    raise BadInputError(
        f"{path.name} is no volume that can be read: choose a NIfTI file (.nii, .nii.gz) or a grey "
        "TIFF stack."
    )


def _finite(values: npt.NDArray[Any], name: str) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Return voxels that are all finite, and sentences about those that were odd."""
    with np.errstate(over="ignore"):
        voxels = np.ascontiguousarray(values, dtype=np.float32)
    low, high = float(voxels.min()), float(voxels.max())  # NaN if any voxel is
    notes: tuple[str, ...] = ()
    if not (math.isfinite(low) and math.isfinite(high)):
        good = np.isfinite(voxels)
        if not good.any():
            raise BadInputError(f"{name} holds no finite number: save it again from its source.")
        low, high = float(voxels[good].min()), float(voxels[good].max())
        voxels = np.where(good, voxels, np.float32(low))
        count = good.size - int(np.count_nonzero(good))
        notes = (
            f"{name} holds voxels without a finite number ({count} of {good.size}): they are taken "
            f"as its lowest value, {low:.4g}; save it again if they matter.",
        )
    if max(abs(low), abs(high)) > _BEYOND_SCANNERS:
        note = (
            f"{name} holds intensities from {low:.4g} to {high:.4g}, which no scanner measures: "
            "the highest and lowest are cut off before segmenting; check the file if the result "
            "looks wrong."
        )
        notes = (*notes, note)
    if low == high:
        note = f"{name} holds one value only, {low:.4g}: check that it is the file you mean."
        notes = (*notes, note)
    return voxels, notes


def _checked(spacing: Spacing) -> Spacing:
    require_voxel_size(spacing)
    z, y, x = (float(value) for value in spacing)
    return z, y, x
