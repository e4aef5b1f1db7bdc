"""The pixel size a person has chosen for the pictures of a folder, kept between sessions.

Folders are told apart by a hash: the file of settings names none of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.terms import settings_folder

logger = logging.getLogger(__name__)

FILE_NAME = "pixel_sizes.json"
_MOST_FOLDERS = 1000
_here: dict[str, tuple[float, float]] = {}


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
    key, value = _key(path), (pixel_size.y, pixel_size.x)
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
    """
    key = _key(path)
    value = _here.get(key) or _stored().get(key)
    try:
        return None if value is None else PixelSize(*map(float, value))
    except (SelfRegError, TypeError, ValueError):
        return None


def _key(path: str | os.PathLike[str]) -> str:
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    name = os.path.normcase(folder.resolve())
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _stored() -> dict[str, Any]:
    try:
        content = json.loads((settings_folder() / FILE_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
