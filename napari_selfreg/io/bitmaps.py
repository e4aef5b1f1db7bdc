"""BMP files that Pillow takes for others: with a palette of few greys it forgets their depth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

_DEPTHS = {"1": 1, "L": 8}
_OLD_HEADER_BYTES = 12


def is_misread(picture: Image.Image, path: Path) -> bool:
    """Tell whether Pillow would decode a picture with another depth than its file states.

    Pillow takes a palette of black and white for one bit, and one of greys for eight, whatever
    the header says.

    Parameters
    ----------
    picture : PIL.Image.Image
        Opened, of any format.
    path : Path
        Its file.

    Returns
    -------
    bool
    """
    if picture.format != "BMP" or picture.mode not in _DEPTHS:
        return False
    return _depth(path) != _DEPTHS[picture.mode]


def decode_bitmap(path: Path) -> npt.NDArray[Any]:
    """Decode a BMP file with a palette of greys.

    Parameters
    ----------
    path : Path
        A BMP file.

    Returns
    -------
    ndarray of uint8, shape (y, x)
        Grey values, as the palette has them.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import cv2

    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise ValueError(f"{path.name} cannot be decoded")
    return decoded


def _depth(path: Path) -> int:
    """Return bits per pixel as the header states them."""
    with path.open("rb") as stream:
        head = stream.read(30)
    place = 24 if int.from_bytes(head[14:18], "little") == _OLD_HEADER_BYTES else 28
    return int.from_bytes(head[place : place + 2], "little")
