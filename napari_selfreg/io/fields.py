"""What a list of fields shows about an image before it is opened: picture, size, scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.images import open_image
from napari_selfreg.io.outputs import output_paths
from napari_selfreg.io.sources import ImageSource

State = Literal["new", "segmented", "corrected", "done"]
"""How far a person is with a field."""

RESULTS_FOLDER = "results"
"""Name of the folder beside the images where results go unless a person chooses another."""

THUMBNAIL_SIDE = 96

_MOST_PIXELS = 64_000_000
"""No thumbnail is made where more would have to be decoded for it."""


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What is known about a field once its file was looked at.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.
    stated : PixelSize or None
        Pixel size that the file states, if a microscope can have it.
    thumbnail : ndarray of uint8, shape (y, x, 3), or None
        At most `THUMBNAIL_SIDE` on each side; None where it would take too long.
    slices : int
        Of a volume; 0 for pictures.
    """

    shape: tuple[int, int]
    stated: PixelSize | None
    thumbnail: npt.NDArray[np.uint8] | None
    slices: int = 0


def read_facts(path: Path) -> FieldFacts:
    """Look at an image file.

    Parameters
    ----------
    path : Path
        A picture, TIFF or slide.

    Returns
    -------
    FieldFacts

    Raises
    ------
    BadInputError
        If it cannot be read.
    """
    with open_image(path) as source:
        return FieldFacts(source.shape, source.pixel_size, thumbnail(source))


def thumbnail(source: ImageSource) -> npt.NDArray[np.uint8] | None:
    """Return a small picture of an opened image, from its coarsest level that suffices.

    Never one of the photographs that slides carry beside their tissue: they show the label.
    """
    enough = [
        index
        for index, level in enumerate(source.levels)
        if max(level.shape[:2]) >= THUMBNAIL_SIDE or index == 0
    ]
    height, width = source.levels[enough[-1]].shape[:2]
    if height * width > _MOST_PIXELS:
        return None
    return _shrunk(source.read(level=enough[-1]))


def has_results(path: Path, directory: Path | None = None) -> bool:
    """Tell whether the files of a result lie in a folder, or in the usual one beside the image."""
    folder = directory if directory is not None else results_folder(path)
    return any(
        all(file.is_file() for file in output_paths(folder, path.stem, compressed=small).values())
        for small in (False, True)
    )


def results_folder(path: Path) -> Path:
    """Return the folder where results of an image go unless a person chooses another."""
    return path.parent / RESULTS_FOLDER


def _shrunk(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the mean over blocks of a picture, small enough for a thumbnail."""
    step = max(1, math.ceil(max(rgb.shape[:2]) / THUMBNAIL_SIDE))
    height, width = (max(1, length // step) for length in rgb.shape[:2])
    part = rgb[: height * step, : width * step]
    rows = max(1, part.shape[0] // height)
    columns = max(1, part.shape[1] // width)
    part = part[: height * rows, : width * columns]
    blocks = part.reshape(height, rows, width, columns, 3)
    mean: npt.NDArray[np.uint8] = blocks.mean(axis=(1, 3)).astype(np.uint8)
    return mean
