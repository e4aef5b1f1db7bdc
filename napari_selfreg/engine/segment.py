"""Jobs: objects of an image file, or of an array that is already open.

Probabilities are labelled once, on the image's own grid; a slide too large for that is labelled
on the pyramid level nearest to the model's pixel size, and its outlines are placed by scale.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.measurements import Measurements, measure_objects
from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict
from napari_selfreg.io.images import open_image
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.outputs import Origin, check_writable, write_results
from napari_selfreg.io.qupath_tiles import SlidePlace, place_by_name
from napari_selfreg.io.sources import ImageSource

FULL_GRID_PIXELS = 100_000_000
"""Images up to this size are labelled pixel by pixel, larger pyramids on a coarser level."""

IN_MEMORY_PIXELS = 64_000_000
"""Levels up to this size are read once; larger ones are read piece by piece, twice."""

_BYTES_PER_PIXEL = 48
"""What labelling needs beside the probabilities, at its peak."""


@dataclass(frozen=True)
class SegmentRequest:
    """Which file to segment, with what, and where the results go.

    Parameters
    ----------
    image_path : str or Path
        An image or slide.
    model : Model, str or Path
        A loaded model (its loading is then not part of ``seconds``), or name or file of a bundle.
    output_dir : str or Path
        Folder for the results; made if it is missing.
    um_per_px : float or PixelSize, optional
        Pixel size in µm; wins over what the file states.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    tta : bool, default False
        Average over eight turned and mirrored views (eight times as slow).
    place : SlidePlace, optional
        Where the image lies on a slide, whose pixels the outlines are then in; read from the names
        that QuPath's tile exporter gives.
    compressed : bool, default False
        Write outlines as ``.geojson.gz``.
    """

    image_path: str | Path
    model: Model | str | Path
    output_dir: str | Path
    um_per_px: float | PixelSize | None = None
    device: str = "auto"
    tta: bool = False
    place: SlidePlace | None = None
    compressed: bool = False


class OutputFiles(TypedDict):
    """Files of one image."""

    objects: str
    geojson: str
    measurements: str


class SegmentResult(TypedDict):
    """What ``segment --json`` prints for one image."""

    image: str
    objects: int
    seconds: float
    megapixels_per_second: float
    outputs: OutputFiles


@dataclass(frozen=True)
class ArraySegmentRequest:
    """A picture in memory, or anything that slices into numpy, and what to segment of it.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        RGB.
    pixel_size : PixelSize
        Of `image`.
    model : Model, str or Path
        A loaded model, or name or file of a bundle.
    region : Box, optional
        Part of the image in pixels; all of it by default.
    mask : ndarray of bool, shape of `region`, optional
        Pixels that may belong to objects; all by default.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    focus : Box, optional
        The part on screen: predicted first.
    tta : bool, default False
        Average over eight turned and mirrored views (eight times as slow).
    uncertainty : bool, default False
        Also return how undecided the probabilities are.
    """

    image: ArrayLike
    pixel_size: PixelSize
    model: Model | str | Path
    region: Box | None = None
    mask: npt.NDArray[np.bool_] | None = None
    device: str = "auto"
    focus: Box | None = None
    tta: bool = False
    uncertainty: bool = False


@dataclass(frozen=True)
class ObjectsResult:
    """Objects of a region.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        0 = background, objects 1 … n, of `box`.
    box : Box
        What was segmented, in image pixels.
    table : dict of str to ndarray
        Measurements, one row per object; see `napari_selfreg.core.measurements`.
    probability : ndarray of float, shape (K[+1], y, x)
        Each class, then the contour where the model has one.
    notes : tuple of str
        What the person should know.
    uncertainty : ndarray of float32, shape (y, x), optional
        From 0 (certain) to 1 (undecided), if it was asked for.
    """

    labels: npt.NDArray[np.int32]
    box: Box
    table: Measurements
    probability: npt.NDArray[np.floating[Any]]
    notes: tuple[str, ...] = ()
    uncertainty: npt.NDArray[np.floating[Any]] | None = None


def segment(request: SegmentRequest) -> Generator[Event, None, SegmentResult]:
    """Segment a file and write label image, outlines and measurements.

    Parameters
    ----------
    request : SegmentRequest

    Yields
    ------
    Event
        `TileDone` in pixels of the level that is segmented, `Progress`, `Notice`.

    Returns
    -------
    dict
        ``image``, ``objects``, ``seconds`` (from opening the image to the last file written),
        ``megapixels_per_second`` and ``outputs``.

    Raises
    ------
    BadInputError
        If the image cannot be read or is too large for the memory.
    BadModelError, DeviceError, WriteError
        If the model, the device or the folder cannot be used; nothing is left half-written.
    """
    model = _loaded(request.model)
    check_writable(request.output_dir)  # before minutes are spent on a slide
    began = time.perf_counter()
    with open_image(request.image_path) as source:
        megapixels = math.prod(source.shape) / 1e6
        choice = source.choose_pixel_size(request.um_per_px, model.card.pixel_size)
        place, misplaced = request.place, ""
        if place is None:
            place, misplaced = place_by_name(Path(request.image_path).name, source.shape)
        for sentence in (*source.warnings, *filter(None, [choice.warning, misplaced])):
            yield Notice(sentence)
        level = working_level(source, choice.pixel_size, model.card.pixel_size)
        if level:
            yield Notice(_coarser(source, level))
        scale = source.downsamples[level]
        size = PixelSize(choice.pixel_size.y * scale[0], choice.pixel_size.x * scale[1])
        pixels = _pixels(source, level, len(model.card.classes) + 1)
        found = yield from segment_array(
            ArraySegmentRequest(pixels, size, model, device=request.device, tta=request.tta)
        )
        yield Progress(0, 0, "Writing results")
        origin = Origin(
            source.stem,
            model.card.name,
            choice.pixel_size,
            choice.source,
            model.card.classes,
            scale,
            place,
            model.card.postprocessing,
        )
    files = write_results(
        request.output_dir, found.labels, found.table, origin, compressed=request.compressed
    )
    seconds = time.perf_counter() - began
    return {
        "image": str(request.image_path),
        "objects": len(found.table["index"]),
        "seconds": round(seconds, 4),
        "megapixels_per_second": round(megapixels / seconds, 4),
        "outputs": {
            "objects": str(files["objects"]),
            "geojson": str(files["geojson"]),
            "measurements": str(files["measurements"]),
        },
    }


def segment_array(request: ArraySegmentRequest) -> Generator[Event, None, ObjectsResult]:
    """Find and measure the objects of a picture or of a part of it.

    Parameters
    ----------
    request : ArraySegmentRequest

    Yields
    ------
    Event
        `TileDone` for every tile, then `Progress` before each later step: closing the job there
        cancels it.

    Returns
    -------
    ObjectsResult

    Raises
    ------
    BadInputError
        If the image is not RGB, the region lies outside it or the mask has another shape.
    BadModelError, DeviceError
        If the model or the device cannot be used.
    """
    model = _loaded(request.model)
    card = model.card
    prediction: Prediction = yield from predict(
        PredictRequest(
            request.image,
            request.pixel_size,
            model,
            region=request.region,
            device=request.device,
            focus=request.focus,
            tta=request.tta,
            uncertainty=request.uncertainty,
        )
    )
    box = prediction.region
    yield Progress(0, 0, "Separating objects")
    classes = prediction.probability[: card.n_classes]
    foreground = _foreground(classes, request.mask)
    contour = prediction.probability[card.n_classes] if card.separation == "contour" else None
    labels = label_objects(foreground, contour, card.postprocessing, request.pixel_size)
    yield Progress(0, 0, "Measuring objects")
    rgb = _View(request.image, box)
    table = measure_objects(labels, rgb, classes, request.pixel_size, card.classes)
    return ObjectsResult(
        labels, box, table, prediction.probability, prediction.notes, prediction.uncertainty
    )


def working_level(source: ImageSource, pixel_size: PixelSize, wanted: PixelSize) -> int:
    """Return the pyramid level to segment.

    Parameters
    ----------
    source : ImageSource
    pixel_size : PixelSize
        Of level 0.
    wanted : PixelSize
        The model's.

    Returns
    -------
    int
        0 up to `FULL_GRID_PIXELS`, else the level whose pixels are nearest to the model's.
    """
    if math.prod(source.shape) <= FULL_GRID_PIXELS:
        return 0
    steps = [math.log(pixel_size.mean * math.sqrt(y * x)) for y, x in source.downsamples]
    return min(range(len(steps)), key=lambda level: abs(steps[level] - math.log(wanted.mean)))


class _View:
    """The rows of a box of an image, read when they are asked for."""

    def __init__(self, image: ArrayLike, box: Box) -> None:
        self.shape = (*box.shape, 3)
        self._image = image
        self._box = box

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        top = self._box.y0
        pixels = self._image[top + start : top + stop, self._box.x0 : self._box.x1]
        return np.asarray(pixels)


def _foreground(
    classes: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.floating[Any]]:
    foreground = classes[0] if len(classes) == 1 else classes.sum(axis=0)
    if mask is None:
        return np.asarray(foreground)
    if mask.shape != foreground.shape:
        raise BadInputError(
            f"The mask has {mask.shape} pixels, the region {foreground.shape}: give one value "
            "for every pixel of the region."
        )
    return np.where(mask, foreground, 0).astype(foreground.dtype)


def _pixels(source: ImageSource, level: int, channels: int) -> ArrayLike:
    """Return a level, in memory if it is small; refuse what cannot be labelled in memory."""
    size = math.prod(source.levels[level].shape[:2])
    require_memory(size * (_BYTES_PER_PIXEL + 4 * channels), source.name)
    return source.levels[level] if size > IN_MEMORY_PIXELS else source.read(level=level)


def _coarser(source: ImageSource, level: int) -> str:
    factor = math.sqrt(math.prod(source.downsamples[level]))
    return (
        f"{source.name} is too large to be labelled pixel by pixel: objects lie on its level "
        f"{level}, {factor:.3g} times coarser; outlines are in full-resolution pixels."
    )


def _loaded(model: Model | str | Path) -> Model:
    return load_model(model) if isinstance(model, str | Path) else model
