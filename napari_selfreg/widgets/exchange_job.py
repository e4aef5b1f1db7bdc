"""Pictures out and labels in, in a thread."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.measurements import Measurements, measure_objects
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.figure import MAX_PIXELS, Figure, write_figure
from napari_selfreg.io.label_imports import import_labels
from napari_selfreg.io.qupath_tiles import place_by_name
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.results_job import Snapshot

NO_IMAGE = "The image of this result is not open any more: open it again to save a picture."


@dataclass(frozen=True, slots=True, eq=False)
class ImportRequest:
    """Which labels go onto which image.

    Parameters
    ----------
    path : Path
        The label file.
    picture : Picture
        The plane of the image, at the resolution of the labels.
    pixel_size : PixelSize
        Of the image at full resolution.
    stem : str
        Name of the image.
    full_shape : (int, int)
        Rows and columns of the image at full resolution.
    """

    path: Path
    picture: Picture
    pixel_size: PixelSize
    stem: str
    full_shape: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Labels on their image, with their measurements."""

    labels: npt.NDArray[np.int32]
    box: Box
    table: Measurements
    classes: tuple[str, ...]
    passed_over: int


def save_picture(
    snapshot: Snapshot, box: Box, path: Path, colour: str
) -> Generator[Event, None, Path]:
    """Write a picture of a part of a result, given in pixels of its labels."""
    yield Progress(0, 0, "Reading the image")
    if snapshot.picture is None:
        raise BadInputError(NO_IMAGE)
    top, left = snapshot.info.origin
    step = max(1, math.isqrt(math.prod(box.shape) // MAX_PIXELS))
    part = np.asarray(snapshot.picture.colours()[box.shift(top, left).slices])[::step, ::step]
    labels = np.array(snapshot.labels[box.slices])[::step, ::step]
    size = snapshot.info.label_size
    yield Progress(0, 0, "Drawing the picture")
    figure = Figure(part, labels, PixelSize(size.y * step, size.x * step), colour)
    return write_figure(path, figure)


def run_import(request: ImportRequest) -> Generator[Event, None, Imported]:
    """Read labels of another program and measure them."""
    yield Progress(0, 0, f"Reading {request.path.name}")
    picture = request.picture
    y, x = (float(factor) for factor in picture.plane_factors)
    place, _ = place_by_name(request.stem, request.full_shape)
    found = import_labels(request.path, picture.shape, (y, x), place)
    yield Progress(0, 0, "Measuring objects")
    size = PixelSize(request.pixel_size.y * y, request.pixel_size.x * x)
    classes = tuple(sorted(set(found.classes.values()))) or ("object",)
    table = measure_objects(found.labels, picture.colours(), None, size, classes, found.classes)
    box = Box(0, 0, *picture.shape)
    return Imported(found.labels, box, table, classes, found.passed_over)
