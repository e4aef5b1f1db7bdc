"""The job behind *What next?*; the engine is first imported in its thread."""

from __future__ import annotations

from collections.abc import Generator

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.what_next_types import Suggestion, WhatNextRequest
from napari_selfreg.widgets.segment_job import start_engine


def run_what_next(request: WhatNextRequest) -> Generator[Event, None, tuple[Suggestion, ...]]:
    """Rank windows of fields; see `napari_selfreg.engine.what_next`."""
    yield from start_engine()
    from napari_selfreg.engine.what_next import what_next

    return (yield from what_next(request))
