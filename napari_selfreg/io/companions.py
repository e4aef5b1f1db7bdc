"""What the name of a file says about the image that it belongs to."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container, Sequence
from pathlib import Path

LABEL_SUFFIXES = ("_anno", "_mask", "_label", "_labels")
"""What may follow the image's stem in the name of its label file."""

RESULT_SUFFIX = "_objects"
"""Follows the image's stem in the name of a label image that we have written."""

_OME = ".ome"


def name_key(stem: str) -> str:
    """Return what files of one image have in common in their names.

    Parameters
    ----------
    stem : str
        Name without folder and suffix.

    Returns
    -------
    str
        Composed as Unicode wants it, since some systems store an umlaut as two characters, and
        without the first half of the suffix ``.ome.tif``.
    """
    composed = unicodedata.normalize("NFC", stem)
    return composed[: -len(_OME)] if composed.lower().endswith(_OME) else composed


def named_after(stem: str, images: Container[str], endings: Sequence[str]) -> str | None:
    """Return the image whose name, with one of `endings`, is the name of a file.

    Parameters
    ----------
    stem : str
        Name of the file, without folder and suffix.
    images : container of str
        Keys of images, see `name_key`.
    endings : sequence of str
        Such as `LABEL_SUFFIXES`; capitals do not count.

    Returns
    -------
    str or None
        Key of the image.
    """
    own = name_key(stem)
    for ending in endings:
        key = name_key(own[: -len(ending)])
        if own.lower().endswith(ending) and key in images:
            return key
    return None


def without_companions(
    files: Sequence[Path], stem: Callable[[Path], str], endings: Sequence[str]
) -> list[Path]:
    """Return the files of a folder that are not named after another one; capitals do not count.

    Parameters
    ----------
    files : sequence of Path
        All images of the folder, and what may be named after one.
    stem : callable
        Returns the name of a file without folder and suffix.
    endings : sequence of str
        Such as `LABEL_SUFFIXES`.

    Returns
    -------
    list of Path
    """
    keys = {name_key(stem(file).casefold()) for file in files}
    return [file for file in files if named_after(stem(file).casefold(), keys, endings) is None]
