"""Tell the files that a segmentation of ours has written, by what is in them."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOFTWARE = "napari-selfreg"
"""Our mark in files."""

_HEAD = 4096
_COLUMNS = ("um_per_px", "um_per_px_source")

_here = threading.local()
"""Whether the thread that asks is one that looks at a file which may be none of ours."""


def is_own(path: Path) -> bool:
    """Return whether a file is a label image, outlines or measurements that we have written.

    Parameters
    ----------
    path : Path
        Any file; one that cannot be read is none of ours.

    Returns
    -------
    bool
    """
    kinds = {".tif": _own_labels, ".geojson": _own_outlines, ".csv": _own_table}
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    kind = kinds.get(plain.suffix.lower())
    if kind is None:
        return False
    try:
        return kind(path)
    except Exception:  # noqa: BLE001 - damaged files fail in every way, and none of them is ours
        return False


def _own_labels(path: Path) -> bool:
    import tifffile

    with quiet(tifffile.logger()), tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        return bool(tags[305].value == SOFTWARE and json.loads(tags[270].value)["um_per_px_source"])


@contextmanager
def quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep what a library finds wrong with a file, perhaps none of ours, to itself.

    Other threads are heard meanwhile, whichever of them ends first: the filter stays, once.
    """
    logger.addFilter(_heard)
    before, _here.quiet = getattr(_here, "quiet", False), True
    try:
        yield
    finally:
        _here.quiet = before


def _heard(record: logging.LogRecord) -> bool:
    return not getattr(_here, "quiet", False)


def _own_outlines(path: Path) -> bool:
    """Look for our mark among the members, which stand before the features."""
    return f'"software":"{SOFTWARE}"'.encode() in outline_members(path)


def outline_members(path: Path) -> bytes:
    """Return what a file of outlines says before its features; nothing if none begin there.

    Parameters
    ----------
    path : Path
        GeoJSON, also compressed (``.gz``).

    Raises
    ------
    OSError, EOFError, zlib.error
        If it cannot be read.
    """
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as stream:
        members, found, _ = stream.read(_HEAD).partition(b'"features"')
    return members if found else b""


def _own_table(path: Path) -> bool:
    with path.open(encoding="utf-8", newline="") as stream:
        names = stream.readline(_HEAD).rstrip().split(",")
    return names[:2] == ["image", "label"] and set(_COLUMNS) <= set(names)
