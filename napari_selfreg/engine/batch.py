"""Job: *Run on all* segments field after field and writes their files and one summary.

Each field is complete on disk before the next one begins, so that nothing is lost on cancel. A
field that cannot be segmented is told and does not stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.errors import BadModelError, DeviceError, SelfRegError, WriteError
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
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Event, Progress, TileDone
from napari_selfreg.engine.segment import FileResult, SegmentRequest, segment_file
from napari_selfreg.io.bundle import sha256
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.models import find_model
from napari_selfreg.io.outputs import check_distinct_stems, check_writable
from napari_selfreg.io.summary import problem_row, summary_row, update_summary

logger = logging.getLogger(__name__)

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
        `FieldStarted`, `Progress` over all fields, `FieldDone` or `FieldFailed` for each.

    Returns
    -------
    BatchResult

    Raises
    ------
    BadInputError
        If two fields would write the same files.
    BadModelError, DeviceError, WriteError
        If no field could be segmented, or written, at all.
    """
    _check(request)
    yield Progress(0, 0, "Loading the model")
    model, version = _model(request.model)
    waiting, total = list(request.fields), len(request.fields)
    done: list[Path] = []
    failed: list[tuple[Path, str]] = []
    kept = 0
    while waiting:
        field = _next(waiting, request)
        yield FieldStarted(field.path)
        try:
            result = yield from _one(field, request, model, len(done) + len(failed), total)
        except (BadModelError, DeviceError, WriteError):
            raise  # the next field would meet the same
        except Exception as error:  # one bad field must not stop the rest
            logger.info("a field could not be segmented", exc_info=error)
            reason = _sentence(error, field.path)
            _note_problem(field, reason, request)
            failed.append((field.path, reason))
            yield FieldFailed(field.path, reason)
            continue
        done.append(field.path)
        result, kept = _slim(result, kept)
        yield FieldDone(field.path, result, version)
    return BatchResult(tuple(done), tuple(failed))


def _model(named: Any) -> tuple[Any, str]:
    """Return a loaded model and its version."""
    if not isinstance(named, str | Path):
        return named, ""
    path = find_model(named)
    return load_model(path), sha256(path)[:_VERSION_DIGITS]


def _check(request: BatchRequest) -> None:
    by_folder: dict[Path, list[Path]] = {}
    for field in request.fields:
        by_folder.setdefault(_folder(field, request), []).append(field.path)
    for folder, paths in by_folder.items():
        check_distinct_stems(paths)
        check_writable(folder)


def _next(waiting: list[BatchField], request: BatchRequest) -> BatchField:
    """Take the field that a person looks at, else the first one that waits."""
    looked_at = request.current() if request.current is not None else None
    places = [index for index, field in enumerate(waiting) if field.path == looked_at]
    return waiting.pop(places[0] if places else 0)


def _one(
    field: BatchField, request: BatchRequest, model: Any, index: int, total: int
) -> Generator[Event, None, FileResult]:
    folder = _folder(field, request)
    job = segment_file(
        SegmentRequest(
            field.path,
            model,
            folder,
            um_per_px=field.pixel_size,
            device=request.device,
            tta=request.tta,
            settings=request.settings,
            require_pixel_size=True,
        )
    )
    result = yield from _overall(job, index, total, field.path.stem)
    scale = result.origin.scale
    size = PixelSize(result.origin.pixel_size.y * scale[0], result.origin.pixel_size.x * scale[1])
    labels = result.result.labels
    totals = totals_in(labels, find_places(labels), size)
    update_summary(folder, [summary_row(result.origin, totals)])
    return result


def _overall(
    job: Generator[Event, None, FileResult], index: int, total: int, stem: str
) -> Generator[Event, None, FileResult]:
    """Turn what one field tells into the progress over all of them."""
    message = f"{stem}: field {index + 1} of {total}"
    part = 0
    try:
        while True:
            event = next(job)
            if isinstance(event, TileDone):
                part = _STEPS * event.done // max(1, event.total) * 9 // 10
            if isinstance(event, TileDone | Progress):
                yield Progress(_STEPS * index + part, _STEPS * total, message)
    except StopIteration as end:
        result: FileResult = end.value
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


def _note_problem(field: BatchField, reason: str, request: BatchRequest) -> None:
    words = reason.replace(str(field.path), field.path.name)
    update_summary(_folder(field, request), [problem_row(field.path.stem, words)])


def _folder(field: BatchField, request: BatchRequest) -> Path:
    return request.output_dir if request.output_dir is not None else results_folder(field.path)


def _sentence(error: Exception, path: Path) -> str:
    if isinstance(error, SelfRegError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{path.name} does not fit into memory: segment a part of it in the window."
    return f"{path.name} could not be segmented ({type(error).__name__}): open it to see why."
