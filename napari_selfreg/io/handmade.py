"""Tell results that a person has corrected, or may have: no new segmentation replaces them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from napari_selfreg.core.errors import CorrectedError
from napari_selfreg.io.outputs import CORRECTED, output_paths
from napari_selfreg.io.own_files import SOFTWARE, outline_members, quiet
from napari_selfreg.io.volume.outputs import volume_output_paths

_BY_HAND = "{file} was corrected by hand"
_UNKNOWN = "{file} is no result of ours that can be read, so it may be a person's work"
_NO_TABLE = "{file} has no table of ours beside it, so it may be a person's work"
_MARK = re.compile(rf'"{CORRECTED}"\s*:\s*true'.encode())
_REMEDY = (
    " and is not replaced: choose another folder for the results, or rename or delete this one."
)


def why_kept(directory: str | Path, stem: str) -> str:
    """Return why the saved objects of an image must stay.

    Parameters
    ----------
    directory : path-like
        Where its results lie.
    stem : str
        Name of the image without suffix.

    Returns
    -------
    str
        A sentence with the file and the remedy; empty if there is nothing, or nothing but what a
        model has found.
    """
    for small in (False, True):
        paths = output_paths(directory, stem, compressed=small)
        if _is_there(paths["geojson"]) and _outlines_say_so(paths["geojson"]):
            return (_BY_HAND + _REMEDY).format(file=paths["geojson"])
    labels = paths["objects"]
    return _said(labels, _labels_say_so(labels)) if _is_there(labels) else ""


def why_kept_volume(directory: str | Path, stem: str) -> str:
    """Return why the saved labels of a volume must stay.

    Parameters
    ----------
    directory : path-like
        Where its results lie.
    stem : str
        Name of the volume without suffix.

    Returns
    -------
    str
        As `why_kept`; labels without the table that says who has made them stay, too.
    """
    paths = volume_output_paths(directory, stem)
    table = paths["measurements"]
    if _is_there(table):
        return _said(table, _table_says_so(table))
    labels = paths["labels"]
    return (_NO_TABLE + _REMEDY).format(file=labels) if _is_there(labels) else ""


def require_replaceable(reason: str) -> None:
    """Raise CorrectedError if there is a reason to keep an earlier result."""
    if reason:
        raise CorrectedError(reason)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the disk: whoever writes it has a sentence for that
        return False


def _said(file: Path, corrected: bool | None) -> str:
    """Return the sentence about a file; None: nobody knows."""
    if corrected is False:
        return ""
    return ((_BY_HAND if corrected else _UNKNOWN) + _REMEDY).format(file=file)


def _labels_say_so(path: Path) -> bool | None:
    import tifffile

    try:
        with quiet(tifffile.logger()), tifffile.TiffFile(path) as tiff:
            members = json.loads(tiff.pages.first.tags[270].value)
        return bool(members.get(CORRECTED)) if members["software"] == SOFTWARE else None
    except Exception:  # noqa: BLE001 - damaged files fail in every way
        return None


def _outlines_say_so(path: Path) -> bool:
    try:
        return bool(_MARK.search(outline_members(path)))
    except Exception:  # noqa: BLE001 - then the label image decides
        return False


def _table_says_so(path: Path) -> bool | None:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            names = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    return CORRECTED in names if names[:2] == ["image", "label"] and "software" in names else None
