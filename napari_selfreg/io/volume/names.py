"""What the names of volume files tell."""

from __future__ import annotations

from pathlib import Path

GZIPPED = ".gz"
NIFTI_SUFFIXES = (".nii.gz", ".nii")
"""Suffixes of NIfTI files, in lower case."""

STACK_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
"""Suffixes of TIFF files that may hold a stack of slices."""

VOLUME_SUFFIXES = NIFTI_SUFFIXES + STACK_SUFFIXES


def is_nifti(path: str | Path) -> bool:
    """Tell by its name whether a file is NIfTI."""
    return Path(path).name.lower().endswith(NIFTI_SUFFIXES)


def volume_stem(path: str | Path) -> str:
    """Return the name of a file without folder and suffix; ``.nii.gz`` is one suffix."""
    file = Path(path)
    packed = file.name.lower().endswith(NIFTI_SUFFIXES[0])
    return file.name[: -len(NIFTI_SUFFIXES[0])] if packed else file.stem
