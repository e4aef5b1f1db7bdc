"""The two files of a segmented volume: labels and measurements of its classes."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.io.atomic import atomic_paths
from napari_selfreg.io.outputs import CORRECTED, column_texts
from napari_selfreg.io.own_files import SOFTWARE
from napari_selfreg.io.volume.grid import Grid, Volume
from napari_selfreg.io.volume.reading import labels_content
from napari_selfreg.io.volume.summary import spacing_text

OUTPUT_NAMES = {"labels": "{stem}_labels.nii.gz", "measurements": "{stem}_measurements.csv"}
"""Kind of output -> file name."""


def volume_output_paths(directory: str | Path, stem: str) -> dict[str, Path]:
    """Return the files that `write_volume_results` makes for a volume."""
    return {kind: Path(directory) / name.format(stem=stem) for kind, name in OUTPUT_NAMES.items()}


def write_volume_results(
    directory: str | Path,
    labels: npt.NDArray[np.integer[Any]],
    table: Mapping[str, npt.NDArray[Any]],
    like: Volume | Grid,
    *,
    model: str,
    version: str = "",
    corrected: bool = False,
) -> dict[str, Path]:
    """Write labels and measurements together; existing ones are replaced.

    Parameters
    ----------
    directory : path-like
        Made if it is missing.
    labels : ndarray of int, shape (Z, Y, X)
        Class ids on the voxels of `like`.
    table : mapping of str to ndarray
        Columns of `measure_classes`, one row per class.
    like : Volume or Grid
        What was segmented: gives the name, orientation and spacing.
    model, version : str
        Name of the model, and its version where one name has several.
    corrected : bool
        A person has changed the labels; the table has a column ``corrected_by_hand`` then.

    Returns
    -------
    dict
        ``labels`` and ``measurements``: the files.

    Raises
    ------
    ValueError
        If the labels do not fit `like`.
    WriteError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    targets = volume_output_paths(directory, like.stem)
    content = labels_content(targets["labels"], labels, like)
    constant = {"spacing_mm": spacing_text(like), "spacing_source": like.source, "model": model}
    constant |= ({"model_version": version} if version else {}) | {"software": SOFTWARE}
    constant |= {CORRECTED: "true"} if corrected else {}
    with atomic_paths(list(targets.values())) as (label_file, table_file):
        label_file.write_bytes(content)
        with table_file.open("w", encoding="utf-8", errors="replace", newline="") as stream:
            _write_table(stream, table, like.stem, constant)
    return targets


def _write_table(
    stream: Any, table: Mapping[str, npt.NDArray[Any]], stem: str, constant: Mapping[str, str]
) -> None:
    """Write one row per class; ``label`` is its value in the labels, spacing is along z, y, x."""
    writer = csv.writer(stream, lineterminator="\n")
    names = [name for name in table if name != "index"]
    writer.writerow(["image", "label", *names, *constant])
    columns = [column_texts(table[name]) for name in names]
    for label, *values in zip(table["index"].tolist(), *columns, strict=True):
        writer.writerow([stem, label, *values, *constant.values()])
