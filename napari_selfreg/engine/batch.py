"""Job: *Run on all* segments field after field and writes their files and one summary.

Each field is complete on disk before the next one begins, so that nothing is lost on cancel. A
field that cannot be segmented, or written under its name, is told and does not stop the others;
nor does a summary that another program holds. The model decides whether the fields are pictures or
volumes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from napari_selfreg.core.errors import (
    BadModelError,
    CorrectedError,
    DeviceError,
    SelfRegError,
    WriteError,
)
from napari_selfreg.core.totals import find_places, totals_in
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.batch_events import (
    BatchField,
    BatchRequest,
    BatchResult,
    FieldDone,
    FieldFailed,
    FieldStarted,
)
from napari_selfreg.engine.batch_summary import Summaries
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Event, Progress, TileDone
from napari_selfreg.engine.segment import FileResult, SegmentRequest, segment_file
from napari_selfreg.engine.volume.events import VolumeTileDone
from napari_selfreg.engine.volume.segment import VolumeSegmentRequest, segment_volume_file
from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.bundle import sha256
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.models import find_model
from napari_selfreg.io.outputs import check_distinct_stems, check_writable, output_paths
from napari_selfreg.io.summary import Row, problem_row, summary_row
from napari_selfreg.io.volume.names import volume_stem
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.io.volume.paths import check_distinct_volumes
from napari_selfreg.io.volume.summary import volume_problem_row, volume_row

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_KEPT_BYTES = 1 << 30
_STEPS = 100
_VERSION_DIGITS = 12


def segment_fields(request: BatchRequest) -> Generator[Event, None, BatchResult]:
    """Segment fields one after the other.

    Parameters
    ----------
    request : BatchRequest

    Yields
    ------
    Event
        `FieldStarted`, `Progress` over all fields, `FieldDone` or `FieldFailed` for each, and
        `Notice` about the summary.

    Returns
    -------
    BatchResult

    Raises
    ------
    BadInputError
        If two fields would write the same files.
    BadModelError, DeviceError, WriteError
        If no field could be segmented, or written, at all, as on a full disk.
    """
    _check_folders(request)
    yield Progress(0, 0, "Loading the model")
    model, version = _model(request.model)
    volumes = model.card.spatial_dims == 3
    _check_stems(request, volumes)
    summaries = Summaries()
    try:
        return (yield from _segment_all(request, model, version, summaries))
    finally:
        summaries.close()


def _segment_all(
    request: BatchRequest, model: Any, version: str, summaries: Summaries
) -> Generator[Event, None, BatchResult]:
    volumes = model.card.spatial_dims == 3
    one = _one_volume if volumes else _one
    waiting, total = list(request.fields), len(request.fields)
    done: list[Path] = []
    failed: list[tuple[Path, str]] = []
    kept = 0
    while waiting:
        field = _next(waiting, request)
        yield FieldStarted(field.path)
        try:
            result, row = yield from one(field, request, model, len(done) + len(failed), total)
        except Exception as error:  # one bad field must not stop the rest
            if _of_all(error):
                raise
            logger.info("a field could not be segmented", exc_info=error)
            reason = _sentence(error, field.path, volumes)
            failed.append((field.path, reason))
            notices = []
            if not isinstance(error, CorrectedError):  # its row is still about what lies there
                notices = summaries.add(*_problem(field, reason, request, volumes))
            yield FieldFailed(field.path, reason)
        else:
            notices = summaries.add(_folder(field, request), row)
            done.append(field.path)
            if result is not None:
                result, kept = _slim(result, kept)
            yield FieldDone(field.path, result, version)
        yield from notices
    summaries.close()  # before anything is said of what still waits
    return BatchResult(tuple(done), tuple(failed), summaries.notes)


def _of_all(error: Exception) -> bool:
    """Tell whether the next field would meet the same."""
    if isinstance(error, WriteError):
        return not error.of_name
    return isinstance(error, BadModelError | DeviceError)


def _model(named: Any) -> tuple[Any, str]:
    """Return a loaded model and its version."""
    if not isinstance(named, str | Path):
        return named, ""
    path = find_model(named)
    return load_model(path), sha256(path)[:_VERSION_DIGITS]


def _check_folders(request: BatchRequest) -> None:
    for folder in {_folder(field, request) for field in request.fields}:
        check_writable(folder)


def _check_stems(request: BatchRequest, volumes: bool) -> None:
    by_folder: dict[Path, list[Path]] = {}
    results: list[Path] = []
    for field in request.fields:
        by_folder.setdefault(_folder(field, request), []).append(field.path)
    for folder, paths in by_folder.items():
        (check_distinct_volumes if volumes else check_distinct_stems)(paths)
        results += [file for path in paths for file in _results(folder, path, volumes)]
    require_apart(results, [field.path for field in request.fields])


def _results(folder: Path, path: Path, volume: bool) -> Iterable[Path]:
    if volume:
        return volume_output_paths(folder, volume_stem(path)).values()
    return output_paths(folder, path.stem).values()


def _next(waiting: list[BatchField], request: BatchRequest) -> BatchField:
    """Take the field that a person looks at, else the first one that waits."""
    looked_at = request.current() if request.current is not None else None
    places = [index for index, field in enumerate(waiting) if field.path == looked_at]
    return waiting.pop(places[0] if places else 0)


def _one(
    field: BatchField, request: BatchRequest, model: Any, index: int, total: int
) -> Generator[Event, None, tuple[FileResult, Row]]:
    job = segment_file(
        SegmentRequest(
            field.path,
            model,
            _folder(field, request),
            um_per_px=field.pixel_size,
            device=request.device,
            tta=request.tta,
            settings=request.settings,
            require_pixel_size=True,
            precision=request.precision,
            skip_glass=request.skip_glass,
        )
    )
    result = yield from _overall(job, index, total, field.path.stem)
    scale = result.origin.scale
    size = PixelSize(result.origin.pixel_size.y * scale[0], result.origin.pixel_size.x * scale[1])
    labels = result.result.labels
    totals = totals_in(labels, find_places(labels), size)
    return result, summary_row(result.origin, totals)


def _one_volume(
    field: BatchField, request: BatchRequest, model: Any, index: int, total: int
) -> Generator[Event, None, tuple[None, Row]]:
    """Segment a volume; its classes are read from its files when somebody looks at them."""
    folder = _folder(field, request)
    job = segment_volume_file(
        VolumeSegmentRequest(
            field.path, model, folder, field.spacing, request.device, request.precision
        )
    )
    result = yield from _overall(job, index, total, volume_stem(field.path))
    return None, volume_row(result.grid, result.table, model.card.name)


def _overall(
    job: Generator[Event, None, Result], index: int, total: int, stem: str
) -> Generator[Event, None, Result]:
    """Turn what one field tells into the progress over all of them."""
    message = f"{stem}: field {index + 1} of {total}"
    part = 0
    try:
        while True:
            event = next(job)
            if isinstance(event, TileDone):
                part = _STEPS * event.done // max(1, event.total) * 9 // 10
            elif isinstance(event, VolumeTileDone):
                part = int(_STEPS * event.done) * 9 // 10
            if isinstance(event, TileDone | VolumeTileDone | Progress):
                yield Progress(_STEPS * index + part, _STEPS * total, message)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        job.close()


def _slim(result: FileResult, kept: int) -> tuple[FileResult, int]:
    """Keep probabilities, for the sliders, as long as all of them stay below a limit."""
    found = result.result
    probability = found.probability.astype(np.float16)
    if kept + probability.nbytes > _KEPT_BYTES:
        probability = probability[:0]
    slim = replace(found, probability=probability)
    return replace(result, result=slim), kept + probability.nbytes


def _problem(
    field: BatchField, reason: str, request: BatchRequest, volume: bool
) -> tuple[Path, Row]:
    """Return the folder of the summary and the row of a field that failed, without paths."""
    folder = _folder(field, request)
    words = reason.replace(str(field.path), field.path.name)
    if folder.is_absolute():  # "./" may stand anywhere
        words = words.replace(f"{folder}{os.sep}", "")
    if volume:
        return folder, volume_problem_row(volume_stem(field.path), words)
    return folder, problem_row(field.path.stem, words)


def _folder(field: BatchField, request: BatchRequest) -> Path:
    return request.output_dir if request.output_dir is not None else results_folder(field.path)


def _sentence(error: Exception, path: Path, volume: bool) -> str:
    if isinstance(error, SelfRegError):
        return str(error)
    if isinstance(error, MemoryError):
        remedy = "close other programs" if volume else "segment a part of it in the window"
        return f"{path.name} does not fit into memory: {remedy}."
    return f"{path.name} could not be segmented ({type(error).__name__}): open it to see why."
