"""``summary.csv``: one row per field of a folder of results, by stem, without paths.

Rows of pictures and of volumes (`napari_selfreg.io.volume.summary`) can stand in one file, which
has the columns of both then.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_selfreg.core.totals import Totals
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.geojson import six_digits
from napari_selfreg.io.images import natural_order
from napari_selfreg.io.outputs import Origin

FILE_NAME = "summary.csv"

_FIRST, _LAST = ("image",), ("model", "problem")
"""The columns that every summary of ours begins and ends with."""

COLUMNS = (
    "image",
    "objects",
    "area_percent",
    "median_area_um2",
    "density_per_mm2",
    "field_area_mm2",
    "um_per_px_y",
    "um_per_px_x",
    "um_per_px_source",
    "model",
    "problem",
)

Row = Mapping[str, object]


def summary_row(origin: Origin, totals: Totals) -> dict[str, object]:
    """Return the row of a segmented field.

    Parameters
    ----------
    origin : Origin
        Image, model and pixel size.
    totals : Totals
        Of the whole field.

    Returns
    -------
    dict of str to object
    """
    numbers = {
        "area_percent": totals.area_percent,
        "median_area_um2": totals.median_area_um2,
        "density_per_mm2": totals.density_per_mm2,
        "field_area_mm2": totals.region_um2 / 1e6,
        "um_per_px_y": origin.pixel_size.y,
        "um_per_px_x": origin.pixel_size.x,
    }
    # NaN: there is no median of nothing.
    cells = {key: six_digits(value) if value == value else "" for key, value in numbers.items()}
    return {
        "image": origin.image,
        "objects": totals.objects,
        **cells,
        "um_per_px_source": origin.source,
        "model": origin.model,
        "problem": "",
    }


def problem_row(stem: str, problem: str) -> dict[str, object]:
    """Return the row of a field that could not be segmented."""
    return {**dict.fromkeys(COLUMNS, ""), "image": stem, "problem": problem}


def update_summary(directory: Path, rows: Sequence[Row]) -> Path:
    """Write rows into the summary of a folder; rows of other fields stay.

    Rows stand in the order of their names, whatever the order of work: ``field_2`` before
    ``field_10``.

    Parameters
    ----------
    directory : Path
        Made if it is missing.
    rows : sequence of mapping
        From `summary_row`, `problem_row` or their like for volumes; a field's new row takes the
        place of its old one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written; the old one is then untouched.
    """
    target = directory / FILE_NAME
    merged: dict[str, Row] = {str(row["image"]): row for row in _existing(target)}
    merged.update({str(row["image"]): row for row in rows})
    ordered = [merged[name] for name in sorted(merged, key=lambda name: natural_order(Path(name)))]
    with atomic_write(target, "w") as stream:
        writer = csv.DictWriter(
            stream, _columns(ordered, rows), lineterminator="\n", extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(ordered)
    return target


def _columns(kept: Sequence[Row], new: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns of new rows, and of older ones those that are not empty."""
    used = [key for row in kept for key, value in row.items() if value not in ("", None)]
    wanted = {*(key for row in new for key in row), *used}
    inner = [key for key in dict.fromkeys((*COLUMNS, *used, *(key for row in new for key in row)))
             if key in wanted and key not in (*_FIRST, *_LAST)]  # fmt: skip
    return *_FIRST, *inner, *_LAST


def _existing(path: Path) -> list[dict[str, str]]:
    """Return the rows of a summary of ours; any other file of that name counts as none."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            names = tuple(reader.fieldnames or ())
            if names[:1] != _FIRST or names[-2:] != _LAST:
                return []
            return [{key: value for key, value in row.items() if key} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
