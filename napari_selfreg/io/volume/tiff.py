"""Grey stacks in TIFF files (ImageJ, OME-TIFF or plain pages) as volumes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.sniff import first_bytes
from napari_selfreg.io.tiff_metadata import stated_pixel_size, stated_slice_um
from napari_selfreg.io.volume.checks import SMALLER, damaged, require_volume
from napari_selfreg.io.volume.grid import Grid, Spacing, SpacingSource
from napari_selfreg.io.volume.names import volume_stem

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_SLICE_AXES = "ZQI"
"""tifffile's letters for slices, for an axis it has no name for, and for pages in a row."""

_COLOURS = 4
"""So many planes without a name may be the colours of one picture."""

_UM_PER_MM = 1000.0
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError),
    *(AssertionError, struct.error, zlib.error, tifffile.TiffFileError),
)
"""What tifffile and its codecs raise over damaged files; RuntimeError stands for imagecodecs."""


def is_stack(path: Path) -> bool:
    """Tell whether a TIFF holds a grey stack; False for whatever cannot be opened."""
    try:
        with tifffile.TiffFile(path) as tiff:
            return bool(tiff.series) and _slice_axis(_sizes(tiff.series[0])) is not None
    except _UNREADABLE:
        return False


def read_stack(path: Path, spacing: Spacing | None = None) -> tuple[npt.NDArray[Any], Grid]:
    """Read one grey stack.

    Parameters
    ----------
    path : Path
        A TIFF file.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, in place of what the file states.

    Returns
    -------
    values : ndarray, shape (Z, Y, X)
        As stored: TIFF states no orientation.
    grid : Grid
        Its affine is None.

    Raises
    ------
    BadInputError
        If the file is missing, damaged, no stack, of several channels or times, or does not fit
        into memory.
    """
    first_bytes(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            _require_last_page(tiff, path.name)
            _check(_sizes(series), series.dtype, path.name)
            require_memory(2 * int(series.nbytes), path.name, SMALLER)
            known = (spacing, ()) if spacing else _spacing(tiff, series, path.name)
            sizes = {axis: n for axis, n in _sizes(series).items() if n > 1 or axis in "YX"}
            values = np.asarray(series.asarray()).reshape(list(sizes.values()))
    except _UNREADABLE as error:
        raise damaged(path.name) from error
    axes = list(sizes)
    slices = next(axis for axis in axes if axis not in "YX")
    values = np.transpose(values, [axes.index(axis) for axis in (slices, "Y", "X")])
    z, y, x = values.shape
    source: SpacingSource = "option" if spacing else "assumed" if known[1] else "file"
    size, notes = known
    return values, Grid((z, y, x), size, None, volume_stem(path), notes, source=source)


def _sizes(series: TiffPageSeries) -> dict[str, int]:
    return {axis: int(size) for axis, size in zip(series.axes, series.shape, strict=True)}


def _slice_axis(sizes: dict[str, int]) -> str | None:
    """Return the letter of the slices, if that is the only axis beside y and x."""
    more = [axis for axis, size in sizes.items() if size > 1 and axis not in "YX"]
    if len(more) != 1 or not {"Y", "X"} <= sizes.keys():
        return None
    named = more[0] == "Z" or (more[0] in _SLICE_AXES and sizes[more[0]] > _COLOURS)
    return more[0] if named else None


def _require_last_page(tiff: TiffFile, name: str) -> None:
    """Refuse a chain of pages that leads beyond the end of the file; tifffile only cuts it."""
    place = tiff.pages.next_page_offset
    if place is not None:
        tiff.filehandle.seek(place)
        if any(tiff.filehandle.read(tiff.tiff.offsetsize)):
            raise damaged(name)


def _check(sizes: dict[str, int], dtype: Any, name: str) -> None:
    more = {axis: size for axis, size in sizes.items() if size > 1 and axis not in "YX"}
    if len(more) > 1:
        shape = " x ".join(str(size) for size in more.values())
        raise BadInputError(
            f"{name} holds {shape} planes of several kinds ({len(more) + 2}-D): save the one grey "
            "volume you need as a file of its own."
        )
    if more and _slice_axis(sizes) is None:
        raise BadInputError(
            f"{name} holds channels, times or colours, not slices: save one grey volume."
        )
    require_volume((*more.values(), sizes.get("Y", 0), sizes.get("X", 0)), name)
    if np.dtype(dtype).kind not in "biuf":
        raise BadInputError(f"{name} holds complex numbers: save one number per voxel.")


def _spacing(tiff: TiffFile, series: TiffPageSeries, name: str) -> tuple[Spacing, tuple[str, ...]]:
    """Return what the file states in millimetres, and a sentence about what it leaves out."""
    pixel, depth = stated_pixel_size(tiff, series), stated_slice_um(tiff, series)
    if pixel is None:
        note = f"{name} states no size of its voxels: 1 x 1 x 1 mm is taken; state their size."
        return (1.0, 1.0, 1.0), (note,)
    y, x = pixel.y / _UM_PER_MM, pixel.x / _UM_PER_MM
    if depth is not None:
        return (depth / _UM_PER_MM, y, x), ()
    note = (
        f"{name} states no distance of its slices: {y:.4g} mm, the height of its pixels, is taken; "
        "state it if that is wrong."
    )
    return (y, y, x), (note,)
