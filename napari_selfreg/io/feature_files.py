"""Feature maps as OME-TIFF, and the numbers of each block as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.io.atomic import atomic_paths, atomic_write
from napari_selfreg.io.geojson import six_digits
from napari_selfreg.io.outputs import um_cell
from napari_selfreg.io.own_files import SOFTWARE
from napari_selfreg.io.pixel_size import PixelSizeChoice

NUMBERS = "numbers.csv"

CLASSIC_BYTES = 2**31
"""Pixels of more bytes than this go into a BigTIFF; a classic one ends at 4 GB."""

_SOURCE = ("image_um_per_px", "um_per_px_source")
_FROM_BLOCK = tuple(field.name for field in fields(BlockNumbers))


@dataclass(frozen=True, slots=True)
class NumbersRow:
    """What the table says of one block of one model.

    Parameters
    ----------
    model : str
        Name of the model.
    um_per_px : float
        What the model works at.
    numbers : BlockNumbers
        Of the block.
    cka : float, optional
        How alike the other model's block of that name is.
    """

    model: str
    um_per_px: float
    numbers: BlockNumbers
    cka: float | None = None


def maps_path(folder: str | Path, model: str, block: str) -> Path:
    """Return the file that a block's maps are written to."""
    return Path(folder) / f"{model}_{block}.ome.tif"


def write_maps(
    path: str | Path,
    maps: npt.NDArray[np.floating[Any]],
    um_per_px: tuple[float, float],
    position_um: tuple[float, float],
) -> Path:
    """Write the channels of one block as OME-TIFF, which knows no half precision.

    Parameters
    ----------
    path : str or Path
        Ends in ``.ome.tif``.
    maps : ndarray, shape (C, h, w)
        Activations.
    um_per_px : (float, float)
        Height and width of a map pixel, in micrometres.
    position_um : (float, float)
        Centre of the first map pixel, in micrometres from the centre of the image's first pixel.

    Returns
    -------
    Path

    Raises
    ------
    WriteError
        If the file cannot be written; then there is none.
    """
    planes = len(maps)
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Channel": {"Name": [f"channel {number}" for number in range(planes)]},
        "Plane": {
            **{f"Position{a}": [at] * planes for a, at in zip("YX", position_um, strict=True)},
            **{f"Position{a}Unit": ["µm"] * planes for a in "YX"},
        },
    }
    for axis, um in zip("YX", um_per_px, strict=True):
        metadata |= {f"PhysicalSize{axis}": um, f"PhysicalSize{axis}Unit": "µm"}
    target = Path(path)
    with atomic_paths([target]) as (temporary,):
        tifffile.imwrite(
            temporary,
            maps.astype(np.float32),
            ome=True,
            photometric="minisblack",
            # tifffile's name for deflate. No predictor: Bio-Formats does not know that of floats.
            compression="zlib",
            bigtiff=4 * maps.size > CLASSIC_BYTES,  # tifffile asks for it only uncompressed
            metadata=metadata,
            software=SOFTWARE,
        )
    return target


def write_numbers(
    folder: str | Path, image: str, choice: PixelSizeChoice, rows: Sequence[NumbersRow]
) -> Path:
    """Write ``numbers.csv``: a row per model and block.

    ``um_per_px`` is what the model works at, ``image_um_per_px`` the size of the image's pixels.

    Parameters
    ----------
    folder : str or Path
        Where the table goes.
    image : str
        Stem of the image that was looked at.
    choice : PixelSizeChoice
        The size of its pixels, and who stated it.
    rows : sequence of NumbersRow
        What was measured.

    Returns
    -------
    Path

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    target = Path(folder) / NUMBERS
    with atomic_write(target, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        source = [um_cell(choice.pixel_size), choice.source]
        writer.writerow(["image", "model", "um_per_px", *_FROM_BLOCK, "cka", *_SOURCE])
        for row in rows:
            values = numbers_document(row)
            texts = [_text(values[name]) for name in (*_FROM_BLOCK, "cka")]
            writer.writerow([image, row.model, _text(row.um_per_px), *texts, *source])
    return target


def numbers_document(row: NumbersRow) -> Mapping[str, Any]:
    """Return the numbers of a row by name, as JSON holds them."""
    return {**{name: getattr(row.numbers, name) for name in _FROM_BLOCK}, "cka": row.cka}


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return six_digits(value) if isinstance(value, float) else value
