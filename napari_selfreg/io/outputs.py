"""The three files of a segmentation: label image, outlines and measurements.

They appear together or not at all. All of them say which pixel size counted and who stated it.
"""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.io.atomic import atomic_paths, write_error
from napari_selfreg.io.geojson import FeatureStyle, features, six_digits, write_geojson

OUTPUT_NAMES = {
    "objects": "{stem}_objects.tif",
    "geojson": "{stem}_objects.geojson",
    "measurements": "{stem}_measurements.csv",
}
"""Kind of output -> file name."""

SOFTWARE = "napari-selfreg"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result comes from; written into every output.

    Parameters
    ----------
    stem : str
        Name of the image without folders and suffix.
    model : str
        Name of the model.
    pixel_size : PixelSize
        Of the image at full resolution.
    source : {"option", "file", "model"}
        Who stated it.
    classes : sequence of str
        Foreground classes of the model.
    scale : (float, float)
        Full-resolution pixels per label pixel along y and x.
    """

    stem: str
    model: str
    pixel_size: PixelSize
    source: UmSource
    classes: Sequence[str]
    scale: tuple[float, float] = (1.0, 1.0)

    @property
    def um_per_px(self) -> float | list[float]:
        """One number for square pixels, else y and x."""
        y, x = six_digits(self.pixel_size.y), six_digits(self.pixel_size.x)
        return y if y == x else [y, x]

    def members(self) -> dict[str, Any]:
        """Return what all outputs record, JSON-able."""
        return {
            "um_per_px": self.um_per_px,
            "um_per_px_source": self.source,
            "image": self.stem,
            "model": self.model,
            "software": SOFTWARE,
        }


def output_paths(directory: str | Path, stem: str) -> dict[str, Path]:
    """Return the files that `write_results` makes for an image."""
    return {kind: Path(directory) / name.format(stem=stem) for kind, name in OUTPUT_NAMES.items()}


def check_distinct_stems(paths: Iterable[str | Path]) -> None:
    """Refuse images whose results would overwrite each other.

    Parameters
    ----------
    paths : iterable of path-like
        Images meant for one folder.

    Raises
    ------
    BadInputError
        Naming the first two of one name (capitals do not count: not every disk keeps them apart).
    """
    seen: dict[str, Path] = {}
    for path in map(Path, paths):
        other = seen.setdefault(path.stem.casefold(), path)
        if other is not path:
            raise BadInputError(
                f"{other} and {path} would write the same files: segment them into different "
                "folders (--output) or rename one."
            )


def check_writable(directory: str | Path) -> None:
    """Refuse a folder in which nothing can be written; make nothing.

    Parameters
    ----------
    directory : path-like
        Need not exist yet.

    Raises
    ------
    WriteError
        If it, or the folder it would be made in, is no folder or may not be written.
    """
    wanted = Path(directory)
    there = wanted.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        error: OSError = NotADirectoryError(errno.ENOTDIR, f"{there.name} is not a folder")
    elif not os.access(there, os.W_OK | os.X_OK):
        error = PermissionError(errno.EACCES, "no permission")
    else:
        return
    raise write_error(wanted, error)


def write_results(
    directory: str | Path,
    objects: npt.NDArray[np.int32],
    table: Mapping[str, npt.NDArray[Any]],
    origin: Origin,
) -> dict[str, Path]:
    """Write label image, outlines and measurements; existing ones are replaced together.

    Parameters
    ----------
    directory : path-like
        Made if it is missing.
    objects : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    table : mapping of str to ndarray
        Columns of `measure_objects`, one row per id.
    origin : Origin

    Returns
    -------
    dict
        ``objects``, ``geojson`` and ``measurements``: the files.

    Raises
    ------
    WriteError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    targets = output_paths(directory, origin.stem)
    style = FeatureStyle(origin.classes, f"{origin.stem}\n{origin.model}", origin.scale)
    with atomic_paths(list(targets.values())) as (label_file, outline_file, table_file):
        _write_labels(label_file, objects, origin)
        with outline_file.open("w", encoding="utf-8", newline="") as stream:
            write_geojson(stream, features(objects, table, style), origin.members())
        with table_file.open("w", encoding="utf-8", newline="") as stream:
            _write_table(stream, table, origin)
    return targets


def _write_labels(path: Path, objects: npt.NDArray[np.int32], origin: Origin) -> None:
    cm_per_px = [
        um * factor * 1e-4
        for um, factor in zip(
            (origin.pixel_size.x, origin.pixel_size.y), origin.scale[::-1], strict=True
        )
    ]
    tifffile.imwrite(
        path,
        np.ascontiguousarray(objects, dtype=np.int32),
        photometric="minisblack",
        compression="zlib",  # tifffile's name for deflate
        predictor=True,  # rows of one label become zeros
        resolution=(1 / cm_per_px[0], 1 / cm_per_px[1]),
        resolutionunit="CENTIMETER",
        description=json.dumps(origin.members()),
        software=SOFTWARE,
        metadata=None,
    )


def _write_table(stream: Any, table: Mapping[str, npt.NDArray[Any]], origin: Origin) -> None:
    """Write one row per object; ``label`` is its value in the label image."""
    writer = csv.writer(stream, lineterminator="\n")
    names = [name for name in table if name != "index"]
    writer.writerow(["image", "label", *names, "um_per_px", "um_per_px_source"])
    um = origin.um_per_px
    um_text = repr(um) if isinstance(um, float) else " ".join(map(repr, um))
    columns = [_texts(table[name]) for name in names]
    for label, *values in zip(table["index"].tolist(), *columns, strict=True):
        writer.writerow([origin.stem, label, *values, um_text, origin.source])


def _texts(column: npt.NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "f":
        return [six_digits(value) for value in column.tolist()]
    return list(column.tolist())
