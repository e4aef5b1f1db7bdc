"""What no file of a volume may be, in one sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterable

from napari_selfreg.core.errors import BadInputError

SMALLEST_MM = 1e-5
"""Below this (mm per voxel) no microscope sees: the smallest pixel that a card may have."""

LARGEST_MM = 50.0
"""Above this (mm per voxel) no organ has two voxels, and resampling fills any memory."""

SMALLER = "cut out the part you need or save it with larger voxels."
"""What to do about a volume that does not fit into memory."""


def damaged(name: str) -> BadInputError:
    """Return the error for a file whose content ends early or makes no sense."""
    return BadInputError(
        f"{name} is damaged or was not copied completely: copy it again from its source."
    )


def require_volume(shape: tuple[int, ...], name: str) -> None:
    """Refuse a single slice, or nothing at all.

    Raises
    ------
    BadInputError
        Unless there are three axes of at least 2 voxels.
    """
    if 0 in shape:
        raise BadInputError(f"{name} has no voxels: save it again from its source.")
    if len(shape) < 3 or min(shape) < 2:
        sizes = " x ".join(str(size) for size in shape)
        raise BadInputError(
            f"{name} is a single slice ({sizes} voxels), not a volume: save all slices in one "
            "file, or save this one as a picture."
        )


def require_voxel_size(spacing: Iterable[float]) -> None:
    """Refuse voxels that no scanner makes.

    Raises
    ------
    BadInputError
        If a side is outside `SMALLEST_MM` to `LARGEST_MM`.
    """
    for mm in spacing:
        if not (math.isfinite(mm) and SMALLEST_MM <= mm <= LARGEST_MM):
            raise BadInputError(
                f"A voxel size of {mm:g} mm ({mm * 1000:g} µm) is outside {SMALLEST_MM:.5f} to "
                f"{LARGEST_MM:g} mm: give the size of the volume's voxels."
            )
