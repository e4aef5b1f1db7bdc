"""Jobs that segment fields of a project; the engine is first imported in their thread."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.resegment_types import CompareRequest, ResegmentRequest
from napari_selfreg.io.bundle import read_card, sha256
from napari_selfreg.io.project import Project
from napari_selfreg.io.project.new_objects import NewObjects, PreparedObjects, prepare_objects
from napari_selfreg.widgets.segment_job import VERSION_DIGITS, start_engine


def run_comparison(request: CompareRequest) -> Generator[Event, None, None]:
    """Segment fields with two models; yields `FieldCompared`."""
    yield from start_engine()
    from napari_selfreg.engine.resegment import compare_models

    yield from compare_models(request)


def run_again(request: ResegmentRequest) -> Generator[Event, None, tuple[PreparedObjects, ...]]:
    """Segment fields again, and keep the state before under `BEFORE`, to go back to.

    Returns
    -------
    tuple of PreparedObjects
        To be put into the project in the main thread, where it is edited.
    """
    yield from start_engine()
    from napari_selfreg.engine.resegment import find_again

    ready = yield from prepare_all(request, (yield from find_again(request)))
    if ready:
        request.project.bookmarks.put(BEFORE)
    return ready


def prepare_all(
    request: ResegmentRequest, found: Sequence[NewObjects]
) -> Generator[Event, None, tuple[PreparedObjects, ...]]:
    """Fit new objects around what is reviewed; the field on show comes last: it may be edited."""
    name, version = read_card(request.model).name, sha256(request.model)[:VERSION_DIGITS]
    project, total = request.project, len(found)
    waiting = sorted(found, key=lambda one: one.field == project.looked_at)[::-1]
    del found  # what is done needs no memory any more
    ready: list[PreparedObjects] = []
    while waiting:
        yield Progress(len(ready), total, "Fitting the objects around what is reviewed")
        ready.append(prepare_objects(project, waiting.pop(), name, version))
        _release(project, ready[-1].field)
    return tuple(ready)


def put_away(project: Project) -> Generator[Event, None, None]:
    """Store all fields, and free the memory of those that are not on show."""
    yield Progress(0, 0)
    with suppress(SelfRegError):  # the journal has it all
        project.snapshot()
    for record in project.fields:
        _release(project, record.id)


def _release(project: Project, field: str) -> None:
    if field != project.looked_at:
        project.release(field)


BEFORE = "before re-segment"
"""Bookmark of the state that *Undo re-segment* restores."""
