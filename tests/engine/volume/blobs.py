"""A tiny recipe for volumes, and volumes with a bright and a dark blob to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.volume.recipe import VolumeRecipe
from napari_selfreg.engine.volume.sampling import Case, case_of
from tests.io.volume.files import nifti

SHAPE = (18, 22, 20)
TABLE: dict[str, Any] = {
    "name": "blobs",
    "network": {
        "architecture": "dynunet",
        "spatial_dims": 3,
        "arguments": {"filters": [4, 8, 8]},
    },
    "data": {
        "spacing_mm": [1.0, 1.0, 1.0],
        "classes": ["bright", "dark"],
        "held_out_fraction": 0.2,
        "validation_fraction": 0.25,
    },
    "train": {
        "steps": 4,
        "batch": 2,
        "patch": [16, 16, 16],
        "validate_every": 2,
        "precision": "fp32",
    },
    "card": {
        "title": "Blobs",
        "tissue": "none",
        "description": "Bright and dark blobs.",
        "bad_at": "everything else",
        "licence": "CC0-1.0",
        "terms": "Free.",
        "research_only": False,
        "data_name": "blobs",
        "data_licence": "CC0-1.0",
        "citation": "none",
    },
}
REGULARIZERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dsd": {"dsd": {"alpha": 1.0}},
    "missu": {"missu": {}},
    "scr+ifd": {"scr": {"weight": 0.015}, "ifd": {"weight": 0.015}},
}


def blob_recipe(**sections: dict[str, Any]) -> VolumeRecipe:
    """Return the tiny recipe; keyword arguments update its sections."""
    table = {**TABLE}
    for name, change in sections.items():
        table[name] = {**table.get(name, {}), **change}
    return VolumeRecipe.model_validate(table)


def blobs(
    seed: int, shape: tuple[int, int, int] = SHAPE
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return intensities and classes of one volume, (Z, Y, X)."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    grid = np.indices(shape)
    for number, share in ((1, 0.3), (2, 0.7)):
        centre = np.array([0.5, share, 0.5]) * shape + rng.uniform(-1, 1, 3)
        away = np.linalg.norm(grid - centre[:, None, None, None], axis=0)
        labels[away < 4.5] = number
    levels = np.array([100.0, 180.0, 20.0], np.float32)
    noisy = levels[labels] + rng.normal(0, 8, shape).astype(np.float32)
    return noisy, labels


def blob_case(seed: int, n_classes: int = 2) -> Case:
    """Return one volume as the training sees it."""
    voxels, labels = blobs(seed)
    one = (1.0, 1.0, 1.0)
    return case_of(f"blob{seed}", voxels, labels, one, one, n_classes)


def blob_folder(folder: Path, count: int = 6) -> Path:
    """Write volumes and their labels as NIfTI, stored (x, y, z), and return the folder."""
    for number in range(count):
        voxels, labels = blobs(number)
        nifti(folder / "images" / f"blob{number}.nii.gz", voxels.transpose(2, 1, 0))
        nifti(folder / "labels" / f"blob{number}.nii.gz", labels.transpose(2, 1, 0))
    return folder
