"""Slides that only OpenSlide reads: MIRAX, DICOM and other formats beside TIFF.

OpenSlide is an optional extra. It is asked only for what tifffile cannot read, and never for the
photographs of label and overview that slides carry: those may show a patient's name.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.io.rgb import Rgb
from napari_selfreg.io.sources import ImageSource

_RESCUED = ("leica", "philips", "trestle", "ventana")
"""TIFFs of these scanners follow rules of their own, which tifffile does not always know."""

_TILE = 512


def available() -> bool:
    """Tell whether OpenSlide is installed; does not load it."""
    return find_spec("openslide") is not None


def open_slide(path: Path, kind: str) -> ImageSource:
    """Open a slide lazily, all its levels.

    Parameters
    ----------
    path : Path
        The slide, or the index file of it.
    kind : str
        What it is, in words with an article, for messages.

    Returns
    -------
    ImageSource

    Raises
    ------
    BadInputError
        If OpenSlide is not installed, or cannot read the slide either.
    """
    if not available():
        raise BadInputError(
            f"{path.name} is {kind}, which needs OpenSlide: install napari-selfreg with its extra "
            "“slides” (openslide-python and openslide-bin), or export the slide as OME-TIFF, for "
            "example with QuPath, and open that."
        )
    try:
        return _source(path)
    except SelfRegError:
        raise
    except Exception as error:
        raise BadInputError(
            f"{path.name} is {kind} that OpenSlide cannot read either: export the whole slide as "
            "OME-TIFF, for example with QuPath, and open that."
        ) from error


def rescue(path: Path) -> ImageSource | None:
    """Open a TIFF that tifffile could not read, None if OpenSlide is no help either.

    Parameters
    ----------
    path : Path
        A TIFF; only those of scanners with rules of their own are tried, so that a damaged file
        is never shown as an intact one.

    Returns
    -------
    ImageSource or None
    """
    if not available():
        return None
    try:
        import openslide

        if openslide.OpenSlide.detect_format(str(path)) in _RESCUED:
            return _source(path)
    except Exception:  # noqa: BLE001 - then the sentence about the TIFF counts
        return None
    return None


def _source(path: Path) -> ImageSource:
    import openslide

    slide = openslide.OpenSlide(str(path))
    try:
        levels = tuple(_level(slide, index, path.name) for index in range(slide.level_count))
        stated = _stated(slide.properties)
        factors = tuple((float(each), float(each)) for each in slide.level_downsamples)
    except BaseException:
        slide.close()
        raise

    def close() -> None:
        for level in levels:
            level.close()
        slide.close()

    return ImageSource(path.name, path.stem, levels, factors, stated, on_close=close)


def _level(slide: Any, index: int, name: str) -> LazyLevel:
    width, height = slide.level_dimensions[index]
    factor = float(slide.level_downsamples[index])

    def read(box: Box) -> Rgb:
        rows, columns = box.shape
        corner = (round(box.x0 * factor), round(box.y0 * factor))  # OpenSlide counts in level 0
        return _on_white(np.asarray(slide.read_region(corner, index, (columns, rows))))

    return LazyLevel(read, (height, width), (_TILE, _TILE), name)


def _on_white(rgba: Any) -> Rgb:
    """Lay pixels on white: where nothing was scanned, a slide is glass."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    rgb: Rgb = mixed.astype(np.uint8)
    return rgb


def _stated(properties: Any) -> PixelSize | None:
    try:
        return PixelSize(*(float(properties[f"openslide.mpp-{axis}"]) for axis in "yx"))
    except (KeyError, ValueError, SelfRegError):
        return None
