"""``summary.csv``: one row per field of a folder of results, by stem, without paths.

Rows of pictures and of volumes (`napari_selfreg.io.volume.summary`) can stand in one file, which
has the columns of both then.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

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


def update_summary(directory: Path, rows: Sequence[Row]) -> str:
    """Write rows into the summary of a folder; rows of other fields stay.

    Rows stand in the order of their names, whatever the order of work: ``field_2`` before
    ``field_10``. A file of that name which holds anything else, or which a table program has saved
    in another form, is set aside under the next free name, ``summary.1.csv``.

    Parameters
    ----------
    directory : Path
        Made if it is missing.
    rows : sequence of mapping
        From `summary_row`, `problem_row` or their like for volumes; a field's new row takes the
        place of its old one.

    Returns
    -------
    str
        A sentence about the file that was set aside; empty if there was none.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    target = directory / FILE_NAME
    existing = _existing(target)
    merged: dict[str, Row] = {str(row["image"]): row for row in existing or ()}
    merged.update({str(row["image"]): row for row in rows})
    ordered = [merged[name] for name in sorted(merged, key=lambda name: natural_order(Path(name)))]
    with atomic_write(target, "w") as stream:
        writer = csv.DictWriter(
            stream, _columns(ordered, rows), lineterminator="\n", extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(ordered)
        aside = _set_aside(target) if existing is None else ""  # when all else is written
    return aside


def _columns(kept: Sequence[Row], new: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns of new rows, and of older ones those that are not empty."""
    used = [key for row in kept for key, value in row.items() if value not in ("", None)]
    wanted = {*(key for row in new for key in row), *used}
    inner = [key for key in dict.fromkeys((*COLUMNS, *used, *(key for row in new for key in row)))
             if key in wanted and key not in (*_FIRST, *_LAST)]  # fmt: skip
    return *_FIRST, *inner, *_LAST


def _existing(path: Path) -> list[dict[str, str]] | None:
    """Return the rows of a summary of ours, None of a file that holds what would be lost."""
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return []
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = tuple(reader.fieldnames or ())
            rows: list[dict[Any, Any]] = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    if names[:1] != _FIRST or names[-2:] != _LAST or len({*names}) != len(names):
        return None
    surplus = any(row.pop("", None) or any(row.pop(None, ())) for row in rows)
    rows = [row for row in rows if any(row.values())]  # some programs leave empty ones
    distinct = len({row["image"] for row in rows}) == len(rows)
    return rows if distinct and not surplus else None


def _set_aside(path: Path) -> str:
    number = next(n for n in count(1) if not os.path.lexists(_numbered(path, n)))
    path.rename(_numbered(path, number))
    return (
        f"{path} was no summary of ours, or was saved in another form: it is now "
        f"{_numbered(path, number).name}, and {path.name} begins anew."
    )


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")
