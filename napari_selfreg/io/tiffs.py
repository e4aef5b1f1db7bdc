"""TIFF, OME-TIFF and slides by tifffile; large ones lazily, through zarr.

Only the largest picture of a file is ever decoded. Slides also hold photographs of their label,
which may show a patient's name: nothing here reads them.
"""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.rgb import Rgb, RgbRule, rule_for
from napari_selfreg.io.sources import ImageSource, Level
from napari_selfreg.io.tiff_layout import Layout, layout_of
from napari_selfreg.io.tiff_metadata import stated_pixel_size

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

# tifffile logs what it forgives; without a handler Python would print that to the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_NEVER_SHOWN = re.compile(
    r"(.* - |.*\[)?(label|macro|thumbnail|overview)([ _]image)?\]?", re.IGNORECASE | re.DOTALL
)
"""Names as scanners and converters give them; people call pictures *macrophages, labelled*."""

_EAGER_PIXELS = 32_000_000
_SAMPLE_SIDE = 1024


def open_tiff(path: Path) -> ImageSource:
    """Open the main picture of a TIFF file.

    Tiled files and pyramids stay on disk; small flat ones are read into memory.

    Parameters
    ----------
    path : Path
        A file that begins like a TIFF.

    Returns
    -------
    ImageSource
        All pyramid levels, full resolution first; pixel size as stated.

    Raises
    ------
    BadInputError
        If the file is damaged or truncated, holds no picture with one or three colours, is a
        stack, or does not fit into memory.
    """
    import tifffile

    tiff: TiffFile | None = None
    try:
        tiff = tifffile.TiffFile(path)
        return _open_series(tiff, path)
    except BaseException as error:
        if tiff is not None:
            tiff.close()
        if isinstance(error, BadInputError) or not isinstance(error, Exception):
            raise
        raise _damaged(path.name) from error


def _open_series(tiff: TiffFile, path: Path) -> ImageSource:
    series = _main_series(tiff, path.name)
    levels = list(series.levels)
    layouts = [layout_of(level, path.name) for level in levels]
    _require_complete(tiff, levels, path.name)
    notes = layouts[0].notes
    stated = stated_pixel_size(tiff, series)
    arrays = [_array(level, path.name) for level in levels]
    rule = _rule(arrays, layouts, path.name)
    views: list[Level] = []
    for array, layout in zip(arrays, layouts, strict=True):
        views.append(_level(array, layout, rule, path.name))
    source = ImageSource(
        path.name,
        path.stem,
        tuple(views),
        downsamples=_downsamples(layouts),
        stated=stated,
        warnings=tuple(f"{path.name} {note}." for note in (*notes, *rule.notes)),
        on_close=lambda: _close(tiff, views),
    )
    if not any(isinstance(view, LazyLevel) for view in views):
        tiff.close()
    return source


def _main_series(tiff: TiffFile, name: str) -> TiffPageSeries:
    """Return the largest picture that is no photograph of the slide's label."""
    pictures = [series for series in tiff.series if _may_be_shown(series)]
    if not pictures:
        raise BadInputError(f"{name} holds no picture of tissue: choose another file.")
    return max(pictures, key=_area)


def _may_be_shown(series: TiffPageSeries) -> bool:
    return series.dtype is not None and not _NEVER_SHOWN.fullmatch(series.name.strip())


def _area(series: TiffPageSeries) -> int:
    sizes = dict(zip(series.axes, series.shape, strict=True))
    return int(sizes.get("Y", 0) * sizes.get("X", 0))


def _require_complete(tiff: TiffFile, levels: list[TiffPageSeries], name: str) -> None:
    """Refuse a file that ends before its pixels do, or into which none was written."""
    for level in levels:
        for page in level.pages:
            if page is None:
                raise _damaged(name)
            ends = np.add(page.dataoffsets, page.databytecounts, dtype=np.int64)
            if page.parent is tiff and ends.max(initial=0) > tiff.filehandle.size:
                raise _damaged(name)
            # A wrong size in the header would otherwise be read for hours as missing tiles.
            pieces = 1 if page.is_contiguous else math.prod(page.chunked)
            if len(page.dataoffsets) < pieces or not any(page.databytecounts):
                raise _damaged(name)


def _array(level: TiffPageSeries, name: str) -> Any:
    """Return an array-like: in memory if small and flat, mapped or zarr otherwise."""
    page = level.keyframe
    flat = not page.is_tiled and len(level.pages) >= 1
    if flat and _area(level) <= _EAGER_PIXELS:
        require_memory(2 * level.nbytes, name)
        return level.asarray()
    if level.keyframe.is_memmappable and level.dataoffset is not None:
        return level.asarray(out="memmap")
    if flat and page.rowsperstrip >= page.imagelength:  # one strip: all or nothing
        require_memory(2 * level.nbytes, name)
        return level.asarray()
    import zarr

    fill = 255 if page.dtype == np.uint8 else 0  # a tile that was never scanned is glass
    return zarr.open_array(level.aszarr(level=0, fillvalue=fill), mode="r", zarr_format=2)


def _rule(arrays: list[Any], layouts: list[Layout], name: str) -> RgbRule:
    """Fix colours for all levels from the coarsest one, or from its middle if that is large."""
    layout = layouts[-1]
    height, width = layout.shape
    if layout.bytes_already and not layout.alpha:
        return RgbRule()
    if isinstance(arrays[-1], np.ndarray) and not isinstance(arrays[-1], np.memmap):
        return rule_for(layout.cut(arrays[-1], 0, height, 0, width), name)
    y0 = max(0, height // 2 - _SAMPLE_SIDE)
    x0 = max(0, width // 2 - _SAMPLE_SIDE)
    sample = layout.cut(arrays[-1], y0, y0 + 2 * _SAMPLE_SIDE, x0, x0 + 2 * _SAMPLE_SIDE)
    return rule_for(sample, name, part=sample.shape[:2] != layout.shape)


def _level(array: Any, layout: Layout, rule: RgbRule, name: str) -> Level:
    height, width = layout.shape
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        return np.ascontiguousarray(rule.apply(layout.cut(array, 0, height, 0, width)))
    chunk = (_SAMPLE_SIDE, _SAMPLE_SIDE)
    if not isinstance(array, np.memmap):
        chunk = layout.chunk(array.chunks)

    def read(box: Any) -> Rgb:
        return rule.apply(layout.cut(array, box.y0, box.y1, box.x0, box.x1))

    return LazyLevel(read, layout.shape, chunk, name)


def _downsamples(layouts: list[Layout]) -> tuple[tuple[float, float], ...]:
    height, width = layouts[0].shape
    return tuple(
        (_factor(height, layout.shape[0]), _factor(width, layout.shape[1])) for layout in layouts
    )


def _factor(full: int, reduced: int) -> float:
    """Return the true reduction of an axis.

    Writers reduce by a whole number and drop or pad the rest, so 4443 -> 2221 is exactly 2: the
    quotient of the sizes would be off by more than a pixel at the far end.
    """
    whole = round(full / reduced)
    if abs(full - whole * reduced) < whole:
        return float(whole)
    return full / reduced


def _close(tiff: TiffFile, views: list[Level]) -> None:
    for view in views:
        if isinstance(view, LazyLevel):
            view.close()
    tiff.close()


def _damaged(name: str) -> BadInputError:
    return BadInputError(
        f"{name} is damaged, incomplete or compressed in an unknown way: copy it again from its "
        "source, or export it as OME-TIFF."
    )
