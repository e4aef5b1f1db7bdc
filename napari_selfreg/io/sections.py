"""Whether a file looks like a picture of a stained section, judged without reading its pixels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.sniff import identify

if TYPE_CHECKING:
    from tifffile import TiffPageSeries

_COLOUR_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr")
_COLOUR_AXES = "SCQ"
_COLOURED = (2, 3, 5, 6)
"""Values of the TIFF tag 262 that mean RGB, palette, CMYK and YCbCr."""


def may_be_section(path: Path) -> bool:
    """Tell whether a file may show a stained section: one plane, in colours.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    bool
        True for slides, for flat colour pictures, and for damaged files, of which nobody can
        tell; False for stacks, label images and grey or many-channelled pictures.
    """
    try:
        kind = identify(path)
    except BadInputError:
        return True
    if kind == "slide":
        return True
    try:
        return _tiff_in_colour(path) if kind == "tiff" else _picture_in_colour(path)
    except Exception:  # noqa: BLE001 - whatever is wrong, the reader has a sentence for it
        return True


def _tiff_in_colour(path: Path) -> bool:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        main = max(tiff.series, key=_area)
        planes = [axis for axis in main.axes if axis not in "YX"]
        flat = len(planes) <= 1 and all(axis in _COLOUR_AXES for axis in planes)
        channels = main.shape[main.axes.index(planes[0])] if flat and planes else 1
        three_bytes = channels == 3 and main.dtype == "uint8"
        return flat and (int(main.keyframe.photometric) in _COLOURED or three_bytes)


def _area(series: TiffPageSeries) -> int:
    return int(series.sizes.get("height", 0) * series.sizes.get("width", 0))


def _picture_in_colour(path: Path) -> bool:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large picture is no reason to warn here
        with Image.open(path) as picture:
            return picture.mode in _COLOUR_MODES
