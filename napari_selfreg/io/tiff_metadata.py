"""The pixel size that a TIFF states, wherever its vendor put it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_selfreg.core.types import PixelSize

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_INCH_UM = 25_400.0
_CM_UM = 10_000.0
_UNITS_UM = {
    "m": 1e6,
    "dm": 1e5,
    "cm": _CM_UM,
    "mm": 1e3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "å": 1e-4,
    "pm": 1e-6,
    "in": _INCH_UM,
    "inch": _INCH_UM,
}
_SCREEN_AND_PRINT_DPI = (1, 72, 75, 90, 96, 100, 120, 144, 150, 200, 240, 300, 400, 600, 1200)
_MPP = re.compile(r"\bMPP\s*=\s*([0-9]+(?:[.,][0-9]+)?)")


def stated_pixel_size(tiff: TiffFile, series: TiffPageSeries) -> PixelSize | None:
    """Find what the file states about level 0 of `series`.

    Asked in this order: OME-XML (with its units), ImageJ, Aperio ``MPP``, the resolution tags.
    Resolutions that only programs for screens and printers write (72, 96, 300 dpi …) count as
    nothing stated.

    Parameters
    ----------
    tiff : TiffFile
        The open file.
    series : TiffPageSeries
        The picture in it.

    Returns
    -------
    PixelSize or None
        Micrometres per pixel; not yet checked for plausibility.
    """
    finders: tuple[Callable[[TiffFile, TiffPageSeries], tuple[float, float] | None], ...] = (
        _from_ome,
        _from_imagej,
        _from_aperio,
        _from_resolution,
    )
    for finder in finders:
        found = finder(tiff, series)
        if found is not None and all(math.isfinite(um) and um > 0 for um in found):
            return PixelSize(*found)
    return None


def stated_slice_um(tiff: TiffFile, series: TiffPageSeries) -> float | None:
    """Find which distance of its slices the file states, in OME-XML or as ImageJ does.

    Parameters
    ----------
    tiff : TiffFile
        The open file.
    series : TiffPageSeries
        The stack in it.

    Returns
    -------
    float or None
        Micrometres from slice to slice.
    """
    um = _ome_length(_ome_pixels(tiff, series), "Z")
    if um is None and tiff.is_imagej and tiff.imagej_metadata is not None:
        factor = unit_um(str(tiff.imagej_metadata.get("unit", "")))
        # ImageJ leaves a distance of 1 out
        steps = _number(str(tiff.imagej_metadata.get("spacing", 1.0)))
        um = None if factor is None or steps is None else abs(steps) * factor
    return um if um is not None and math.isfinite(um) and um > 0 else None


def unit_um(unit: str | None) -> float | None:
    """Return how many micrometres a unit has, or None if it is no length we know."""
    if unit is None:
        return None
    text = unit.strip().replace("\\u00B5", "µ").replace("\u03bc", "µ")
    return _UNITS_UM.get(text.casefold().replace("\u03bc", "µ"))


def _from_ome(tiff: TiffFile, series: TiffPageSeries) -> tuple[float, float] | None:
    pixels = _ome_pixels(tiff, series)
    y, x = _ome_length(pixels, "Y"), _ome_length(pixels, "X")
    return None if y is None or x is None else (y, x)


def _ome_pixels(tiff: TiffFile, series: TiffPageSeries) -> dict[str, str]:
    """Return what OME-XML says about the picture of this size; nothing if there is none."""
    if not tiff.is_ome or tiff.ome_metadata is None:
        return {}
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(tiff.ome_metadata)
    except (ParseError, DefusedXmlException, ValueError):
        return {}
    width, height = (str(_length(series, axis)) for axis in "XY")
    for pixels in root.iter():
        is_pixels = pixels.tag.rpartition("}")[2] == "Pixels"
        if is_pixels and (pixels.get("SizeX"), pixels.get("SizeY")) == (width, height):
            return dict(pixels.attrib)
    return {}


def _ome_length(attributes: dict[str, str], axis: str) -> float | None:
    factor = unit_um(attributes.get(f"PhysicalSize{axis}Unit", "µm"))
    value = _number(attributes.get(f"PhysicalSize{axis}"))
    return None if factor is None or value is None else value * factor


def _from_imagej(tiff: TiffFile, series: TiffPageSeries) -> tuple[float, float] | None:
    metadata = tiff.imagej_metadata
    if not tiff.is_imagej or metadata is None:
        return None
    factor = unit_um(str(metadata.get("unit", "")))
    resolution = _resolution(series)
    if factor is None or resolution is None:
        return None
    return factor / resolution[0], factor / resolution[1]


def _from_aperio(tiff: TiffFile, series: TiffPageSeries) -> tuple[float, float] | None:
    description = series.keyframe.description
    if not description.startswith("Aperio"):
        return None
    found = _MPP.search(description)
    value = None if found is None else _number(found[1].replace(",", "."))
    return None if value is None else (value, value)


def _from_resolution(tiff: TiffFile, series: TiffPageSeries) -> tuple[float, float] | None:
    if tiff.is_imagej:  # its resolution is per its own unit, which was no length
        return None
    resolution = _resolution(series)
    unit = int(series.keyframe.resolutionunit)
    if resolution is None or unit not in (2, 3) or resolution == (1, 1):
        return None
    if unit == 2 and all(_is_dpi(value) for value in resolution):
        return None
    um = _INCH_UM if unit == 2 else _CM_UM
    return um / resolution[0], um / resolution[1]


def _resolution(series: TiffPageSeries) -> tuple[float, float] | None:
    """Return pixels per unit along y and x."""
    x, y = series.keyframe.resolution
    return (float(y), float(x)) if x > 0 and y > 0 else None


def _is_dpi(value: float) -> bool:
    return any(math.isclose(value, dpi, rel_tol=1e-3) for dpi in _SCREEN_AND_PRINT_DPI)


def _length(series: TiffPageSeries, axis: str) -> int:
    return int(series.shape[series.axes.index(axis)])


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
