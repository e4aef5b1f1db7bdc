"""PNG, JPEG, BMP and WebP pictures by Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.bitmaps import decode_bitmap, is_misread
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.rgb import as_yxc, rule_for
from napari_selfreg.io.sources import ImageSource, one_level

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
"""What Pillow may decode for us; its other formats are rarely pictures of tissue."""

_BYTES_PER_PIXEL = 12
_DEEP_MODES = ("F", "I", "I;16", "I;16L", "I;16B", "I;16N")
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", *_DEEP_MODES)


def open_picture(path: Path) -> ImageSource:
    """Read a picture into memory.

    Density tags (dpi) of these formats say nothing about a microscope and are ignored; the
    EXIF orientation is respected.

    Parameters
    ----------
    path : Path
        A readable file whose content is one of `FORMATS`.

    Returns
    -------
    ImageSource
        One level, no pixel size.

    Raises
    ------
    BadInputError
        If the file is damaged, of another format, or too large for the memory.
    """
    try:
        pixels, notes = _decode(path)
    except BadInputError:
        raise
    except Exception as error:  # decoders raise what they like on damaged files
        raise _damaged(path, error) from error
    picture = as_yxc(pixels, path.name)
    rule = rule_for(picture, path.name)
    sentences = tuple(f"{path.name} {note}." for note in (*notes, *rule.notes))
    return one_level(path.name, path.stem, rule.apply(picture), warnings=sentences)


def _decode(path: Path) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    from PIL import Image, ImageOps

    # Pillow warns from 89 megapixels on; we compare with the real memory instead.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    with Image.open(path, formats=FORMATS) as picture:
        require_memory(picture.width * picture.height * _BYTES_PER_PIXEL, path.name)
        notes: tuple[str, ...] = ()
        if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
            notes = ("holds several frames; the first is used",)
        if is_misread(picture, path):
            return decode_bitmap(path), notes
        upright = ImageOps.exif_transpose(picture)
        return np.array(_plain(upright)), notes  # a copy: Pillow's own memory is read-only


def _plain(picture: Image.Image) -> Image.Image:
    """Return the picture in a mode whose array means what `rule_for` expects."""
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in _DEEP_MODES:  # converted, 16 bit would be cut to white: no transparent grey
        return picture
    if "transparency" in picture.info or picture.mode in ("PA", "La", "RGBa"):
        return picture.convert("RGBA")
    if picture.mode in _PLAIN_MODES:
        return picture
    return picture.convert("RGB")


def _damaged(path: Path, error: Exception) -> BadInputError:
    from PIL import Image

    if isinstance(error, Image.DecompressionBombError):
        return BadInputError(
            f"{path.name} is larger than a picture may be: save it as a tiled, pyramidal TIFF, "
            "which is read piece by piece."
        )
    if isinstance(error, MemoryError):
        return BadInputError(
            f"{path.name} does not fit into memory: save it as a tiled, pyramidal TIFF, which is "
            "read piece by piece."
        )
    return BadInputError(
        f"{path.name} is damaged or incomplete: copy it again from its source, or open it in "
        "another program and save it as PNG."
    )
