"""Jobs that segment fields of a project; the engine is first imported in their thread."""

from __future__ import annotations

from collections.abc import Generator

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.resegment_types import CompareRequest, ResegmentRequest
from napari_selfreg.io.project.new_objects import NewObjects
from napari_selfreg.widgets.segment_job import start_engine


def run_comparison(request: CompareRequest) -> Generator[Event, None, None]:
    """Segment fields with two models; yields `FieldCompared`."""
    yield from start_engine()
    from napari_selfreg.engine.resegment import compare_models

    yield from compare_models(request)


def run_again(request: ResegmentRequest) -> Generator[Event, None, tuple[NewObjects, ...]]:
    """Segment fields again, and keep the state before under `BEFORE`, to go back to.

    Returns
    -------
    tuple of NewObjects
        To be put into the project in the main thread.
    """
    yield from start_engine()
    from napari_selfreg.engine.resegment import find_again

    found = yield from find_again(request)
    if found:
        request.project.bookmarks.put(BEFORE)
    return found


BEFORE = "before re-segment"
"""Bookmark of the state that *Undo re-segment* restores."""
