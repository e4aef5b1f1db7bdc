"""Rows of ``summary.csv`` for volumes: how large every class is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.io.geojson import six_digits
from napari_selfreg.io.volume.grid import OnGrid

VOLUME = "volume_mm3"
"""Column of all classes together; those of single classes begin with it."""


def spacing_text(grid: OnGrid) -> str:
    """Return millimetres per voxel along z, y and x, for a cell of a table."""
    return " ".join(f"{size:.6g}" for size in grid.spacing)


def volume_row(
    grid: OnGrid, table: Mapping[str, npt.NDArray[Any]], model: str
) -> dict[str, object]:
    """Return the row of a segmented volume.

    Parameters
    ----------
    grid : Grid or Volume
        Names it and states the size of its voxels.
    table : mapping of str to ndarray
        Columns of `measure_classes`, one row per class.
    model : str
        Name of the model.

    Returns
    -------
    dict
        ``image``, ``volume_mm3`` of all classes, ``volume_mm3_<class>`` of each of them,
        ``spacing_mm`` along z, y and x, ``model`` and an empty ``problem``.
    """
    sizes = np.asarray(table[VOLUME], dtype=np.float64)
    classes = {
        f"{VOLUME}_{name}": six_digits(float(size))
        for name, size in zip(table["class"].tolist(), sizes, strict=True)
    }
    return {
        "image": grid.stem,
        VOLUME: six_digits(float(sizes.sum())),
        **classes,
        "spacing_mm": spacing_text(grid),
        "model": model,
        "problem": "",
    }


def volume_problem_row(stem: str, problem: str) -> dict[str, object]:
    """Return the row of a volume that could not be segmented."""
    return {"image": stem, "model": "", "problem": problem}
