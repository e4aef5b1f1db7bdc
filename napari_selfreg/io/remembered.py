"""The size of pixels or voxels a person has chosen for a folder, kept between sessions.

Folders are told apart by a hash: the file of settings names none of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.terms import settings_folder
from napari_selfreg.io.volume.grid import Spacing

logger = logging.getLogger(__name__)

FILE_NAME = "pixel_sizes.json"
_MOST_FOLDERS = 1000
_VOXELS = "/voxels"
"""What the key of a folder's volumes ends in."""

_here: dict[str, tuple[float, ...]] = {}


def remember_pixel_size(path: str | os.PathLike[str], pixel_size: PixelSize) -> None:
    """Note what a person has chosen; never fails.

    Where the settings cannot be written, it is known until the program ends.

    Parameters
    ----------
    path : path-like
        A picture; the choice counts for all pictures of its folder. Or the folder itself.
    pixel_size : PixelSize
        Micrometres per pixel.
    """
    _remember(_key(path), (pixel_size.y, pixel_size.x))


def remember_voxel_size(path: str | os.PathLike[str], spacing: Spacing) -> None:
    """Note the size of voxels that a person has chosen for the volumes of a folder; never fails.

    Parameters
    ----------
    path : path-like
        A volume, or the folder itself.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    """
    _remember(_key(path) + _VOXELS, spacing)


def _remember(key: str, value: tuple[float, ...]) -> None:
    _here[key] = value
    kept = {other: size for other, size in _stored().items() if other != key}
    newest = [*kept.items(), (key, value)][-_MOST_FOLDERS:]
    target = settings_folder() / FILE_NAME
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, "w") as stream:
            json.dump(dict(newest), stream)
    except (OSError, SelfRegError) as error:
        logger.info("the chosen pixel size is not kept for the next session: %s", error)


def remembered_pixel_size(path: str | os.PathLike[str]) -> PixelSize | None:
    """Return what was chosen for the folder of a picture, or None.

    Parameters
    ----------
    path : path-like
        A picture or a folder.

    Returns
    -------
    PixelSize or None
    """
    key = _key(path)
    value = _here.get(key) or _stored().get(key)
    try:
        return None if value is None else PixelSize(*map(float, value))
    except (SelfRegError, TypeError, ValueError):
        return None


def remembered_voxel_size(path: str | os.PathLike[str]) -> Spacing | None:
    """Return what was chosen for the volumes of a folder, or None.

    Parameters
    ----------
    path : path-like
        A volume or a folder.

    Returns
    -------
    (float, float, float) or None
        Millimetres per voxel along z, y and x.
    """
    key = _key(path) + _VOXELS
    try:
        z, y, x = map(float, _here.get(key) or _stored().get(key) or ())
    except (TypeError, ValueError):
        return None
    return (z, y, x) if min(z, y, x) > 0 and math.isfinite(z + y + x) else None


def _key(path: str | os.PathLike[str]) -> str:
    return _key_of(os.fspath(path))


@lru_cache(maxsize=4096)  # lists of fields ask again and again, and folders may be far away
def _key_of(path: str) -> str:
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    name = os.path.normcase(folder.resolve())
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _stored() -> dict[str, Any]:
    path = settings_folder() / FILE_NAME
    try:
        state = path.stat()
    except OSError:
        return {}
    # The time alone is too coarse: two choices may follow each other within one tick.
    return _parsed(path, (state.st_mtime_ns, state.st_ino, state.st_size))


@lru_cache(maxsize=4)
def _parsed(path: Path, state: tuple[int, ...]) -> dict[str, Any]:
    """Return what the file holds while it is in a `state`; nothing if it is damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
