"""Jobs: objects of an image file, or of an array that is already open.

Probabilities are labelled once, on the image's own grid; a slide too large for that is labelled
on the pyramid level nearest to the model's pixel size, and its outlines are placed by scale. What
is read piece by piece is labelled while it is predicted (`napari_selfreg.engine.overlap`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.measurements import measure_objects
from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import PixelSize
from napari_selfreg.core.views import BoxView
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.growing import ObjectPlanes
from napari_selfreg.engine.overlap import predict_and_label
from napari_selfreg.engine.predict import Prediction, PredictRequest, region_of
from napari_selfreg.engine.segment_types import (
    ArraySegmentRequest,
    FileResult,
    ObjectsResult,
    OutputFiles,
    SegmentRequest,
    SegmentResult,
)
from napari_selfreg.engine.stoppable import predict_until
from napari_selfreg.engine.suitability import doubts_of_source
from napari_selfreg.engine.volume.segment import (
    VolumeSegmentRequest,
    VolumeSegmentResult,
    require_picture_file,
    segment_volume,
    spacing_of,
)
from napari_selfreg.io.card import Card
from napari_selfreg.io.handmade import require_replaceable, why_kept
from napari_selfreg.io.images import open_image
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.outputs import Origin, check_writable, write_results
from napari_selfreg.io.qupath_tiles import place_by_name
from napari_selfreg.io.sources import ImageSource

__all__ = [
    "ArraySegmentRequest",
    "FileResult",
    "ObjectsResult",
    "OutputFiles",
    "SegmentRequest",
    "SegmentResult",
    "segment",
    "segment_array",
    "segment_file",
    "working_level",
]

FULL_GRID_PIXELS = 100_000_000
"""Images up to this size are labelled pixel by pixel, larger pyramids on a coarser level."""

IN_MEMORY_PIXELS = 64_000_000
"""Levels up to this size are read once; larger ones are read piece by piece, twice."""

_BYTES_PER_PIXEL = 48
"""What labelling needs beside the probabilities, at its peak."""


def segment(
    request: SegmentRequest,
) -> Generator[Event, None, SegmentResult | VolumeSegmentResult]:
    """Segment a file and write label image, outlines and measurements.

    With a model for volumes the file is a volume, and labels and measurements of its classes are
    written instead: see `napari_selfreg.engine.volume.segment.segment_volume`.

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
    CorrectedError
        If a person has corrected an earlier result in that folder, or may have.
    BadModelError, DeviceError, WriteError
        If the model, the device or the folder cannot be used; nothing is left half-written.
    """
    model = _loaded(request.model)
    request = replace(request, model=model)
    if model.card.spatial_dims == 3:
        return (yield from segment_volume(_of_volume(request, model)))
    require_picture_file(Path(request.image_path), model)
    began = time.perf_counter()
    done = yield from segment_file(request)
    seconds = time.perf_counter() - began
    return {
        "image": str(request.image_path),
        "objects": len(done.result.table["index"]),
        "seconds": round(seconds, 4),
        "megapixels_per_second": float(f"{done.megapixels / seconds:.6g}"),
        "outputs": {
            "objects": str(done.files["objects"]),
            "geojson": str(done.files["geojson"]),
            "measurements": str(done.files["measurements"]),
        },
    }


def segment_file(request: SegmentRequest) -> Generator[Event, None, FileResult]:
    """Do what `segment` does, and return the objects too.

    Parameters
    ----------
    request : SegmentRequest

    Yields
    ------
    Event
        As `segment`.

    Returns
    -------
    FileResult

    Raises
    ------
    BadInputError, CorrectedError, BadModelError, DeviceError, WriteError
        As `segment`.
    """
    model = _loaded(request.model)
    check_writable(request.output_dir)  # before minutes are spent on a slide
    with open_image(request.image_path) as source:
        require_replaceable(why_kept(request.output_dir, source.stem))
        megapixels = math.prod(source.shape) / 1e6
        origin, level = yield from _look(source, request, model.card)
        y, x = origin.scale
        found = yield from segment_array(
            ArraySegmentRequest(
                _pixels(source, level, len(model.card.classes) + 1),
                PixelSize(origin.pixel_size.y * y, origin.pixel_size.x * x),
                model,
                device=request.device,
                tta=request.tta,
                settings=request.settings,
                precision=request.precision,
                skip_glass=request.skip_glass,
            )
        )
        yield Progress(0, 0, "Writing results")
    origin = replace(origin, device=found.device, precision=found.precision)
    require_replaceable(why_kept(request.output_dir, origin.stem))  # saved meanwhile, perhaps
    files = write_results(
        request.output_dir, found.labels, found.table, origin, compressed=request.compressed
    )
    return FileResult(found, origin, files, megapixels)


def _look(
    source: ImageSource, request: SegmentRequest, card: Card
) -> Generator[Event, None, tuple[Origin, int]]:
    """Tell what is odd about an image; return what is known of its objects, and their level."""
    choice = source.choose_pixel_size(request.um_per_px, card.pixel_size)
    if request.require_pixel_size and choice.source == "model":
        raise BadInputError(
            f"{source.name} does not say how large its pixels are: open it and choose the "
            "magnification, which then counts for its folder."
        )
    place, misplaced = request.place, ""
    if place is None:
        place, misplaced = place_by_name(Path(request.image_path).name, source.shape)
    doubt = doubts_of_source(source, choice.pixel_size.mean, card)
    for sentence in (*source.warnings, *filter(None, [choice.warning, misplaced, doubt])):
        yield Notice(sentence)
    level = working_level(source, choice.pixel_size, card.pixel_size)
    if level:
        yield Notice(_coarser(source, level))
    origin = Origin(
        source.stem,
        card.name,
        choice.pixel_size,
        choice.source,
        card.classes,
        source.downsamples[level],
        place,
        request.settings or card.postprocessing,
    )
    return origin, level


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
    _check_mask(request)
    settings = request.settings or card.postprocessing
    wanted = PredictRequest(
        request.image,
        request.pixel_size,
        model,
        region=request.region,
        device=request.device,
        precision=request.precision,
        focus=request.focus,
        tta=request.tta,
        uncertainty=request.uncertainty,
        skip_glass=request.skip_glass,
    )
    if isinstance(request.image, np.ndarray):
        prediction: Prediction = yield from predict_until(wanted, model, request.enough)
        yield Progress(0, 0, "Separating objects")
        planes = ObjectPlanes(prediction.probability, card.n_classes, request.mask)
        labels = label_objects(*planes(slice(None)), settings, request.pixel_size)
    else:
        prediction, labels = yield from predict_and_label(
            wanted, model, settings, request.mask, request.enough
        )
    box = prediction.region
    classes = prediction.probability[: card.n_classes]
    yield Progress(0, 0, "Measuring objects")
    rgb = BoxView(request.image, box)
    table = measure_objects(labels, rgb, classes, request.pixel_size, card.classes)
    return ObjectsResult(
        labels,
        box,
        table,
        prediction.probability,
        prediction.notes,
        prediction.uncertainty,
        device=prediction.device,
        precision=prediction.precision,
    )


def _of_volume(request: SegmentRequest, model: Model) -> VolumeSegmentRequest:
    if request.place is not None:
        raise BadInputError("--offset and --downsample place pictures of slides, not volumes.")
    return VolumeSegmentRequest(
        request.image_path,
        model,
        request.output_dir,
        spacing=spacing_of(request.um_per_px),
        device=request.device,
        precision=request.precision,
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


def _check_mask(request: ArraySegmentRequest) -> None:
    shape = region_of(request.image, request.region).shape
    if request.mask is not None and request.mask.shape != shape:
        raise BadInputError(
            f"The mask has {request.mask.shape} pixels, the region {shape}: give one value for "
            "every pixel of the region."
        )


def _pixels(source: ImageSource, level: int, channels: int) -> ArrayLike:
    """Return a level, in memory if it is small; refuse what cannot be labelled in memory."""
    size = math.prod(source.levels[level].shape[:2])
    require_memory(
        size * (_BYTES_PER_PIXEL + 4 * channels),
        source.name,
        "segment a part of it in the window, or a piece cut from it.",
    )
    return source.levels[level] if size > IN_MEMORY_PIXELS else source.read(level=level)


def _coarser(source: ImageSource, level: int) -> str:
    factor = math.sqrt(math.prod(source.downsamples[level]))
    return (
        f"{source.name} is too large to be labelled pixel by pixel: objects lie on its level "
        f"{level}, {factor:.3g} times coarser; outlines are in full-resolution pixels."
    )


def _loaded(model: Model | str | Path) -> Model:
    return load_model(model) if isinstance(model, str | Path) else model
