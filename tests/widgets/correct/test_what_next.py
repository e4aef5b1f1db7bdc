"""*What next?*: the button, the key, and when an answer is dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.what_next_types import Suggestion, WhatNextRequest
from napari_selfreg.widgets.correct.what_next import (
    CANCEL,
    CANCELLED,
    NO_MODEL,
    NOTHING_LEFT,
    WHAT_NEXT,
)
from napari_selfreg.widgets.correct.what_next_job import run_what_next
from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.result_plane import label_view
from tests.bundles import tiny_bundle
from tests.widgets.correct.steps import add_result_of_file
from tests.widgets.fakes import write_model
from tests.widgets.waits import FIRST, LONG

PLACES = (Box(0, 0, 20, 20), Box(30, 40, 50, 60), Box(0, 60, 20, 80))


class Job:
    """Finds the same places always; waits at a gate if there is one."""

    def __init__(self, places: tuple[Box, ...] = PLACES, notice: str = "") -> None:
        self.places, self.notice = places, notice
        self.requests: list[WhatNextRequest] = []
        self.gate: threading.Event | None = None

    def __call__(self, request: WhatNextRequest) -> Iterator[Event]:
        self.requests.append(request)
        yield Progress(0, 4, "Looking around")
        if self.notice:
            yield Notice(self.notice)
        while self.gate is not None and not self.gate.wait(0.01):
            yield Progress(1, 4, "Looking around")
        return tuple(
            Suggestion(box, 1 / number, f"Reason {number}.", request.fields[0])
            for number, box in enumerate(self.places, start=1)
        )


@pytest.fixture
def opened(panel: Any, opened: Any, tmp_path: Path) -> Any:
    viewer, (made, layer) = panel[0], opened
    made.what_next.models = {"spots": write_model(tmp_path)}
    made.what_next.job = Job()
    return viewer, made, layer


def answered(made: Any, qtbot: Any) -> str:
    qtbot.waitUntil(lambda: not made.what_next.runner.running, timeout=LONG)
    return made.status.text()


def ask(made: Any, qtbot: Any) -> str:
    made.what_next_row.button.click()
    return answered(made, qtbot)


def looked_at(viewer: Any, layer: Any, box: Box) -> bool:
    """Whether a box is in the middle of the view, whole and large."""
    seen = label_view(viewer, bare(layer))
    inside = seen.intersect(box) == box
    zoom, room = viewer.scene.camera.zoom, viewer.canvas.viewbox_size(viewer.layers)
    large = max(box.shape) * 0.5 * zoom == pytest.approx(0.8 * min(room), rel=0.01)
    centre = np.array(viewer.scene.camera.center[-2:]) / 0.5 + 0.5
    middle = ((box.y0 + box.y1) / 2, (box.x0 + box.x1) / 2)
    return inside and large and bool(np.allclose(centre, middle, atol=0.01))


def test_pressing_again_goes_through_all_places_and_begins_anew(opened: Any, qtbot) -> None:
    viewer, made, layer = opened
    for number, box in enumerate((*PLACES, PLACES[0]), start=1):
        at = (number - 1) % 3 + 1
        assert ask(made, qtbot).startswith(f"Reason {at}. Place {at} of 3.")
        assert looked_at(viewer, layer, box)
    (request,) = made.what_next.job.requests
    assert request.fields == ("f1",)
    assert request.model.stem == "spots"
    assert request.project is made.desk.project


def test_the_key_does_the_same(opened: Any, qtbot) -> None:
    viewer, made, layer = opened
    for number in (1, 2):
        steps = bare(layer).keymap[next(key for key in bare(layer).keymap if str(key) == "T")]
        list(steps(bare(layer)))
        assert answered(made, qtbot).startswith(f"Reason {number}.")
    assert looked_at(viewer, layer, PLACES[1])


def test_the_window_stays_free_while_it_looks_and_it_can_be_cancelled(opened: Any, qtbot) -> None:
    _, made, _ = opened
    job, row = made.what_next.job, made.what_next_row
    job.gate = threading.Event()
    row.button.click()
    assert row.button.text() == CANCEL
    assert not row.progress.isHidden()
    qtbot.waitUntil(lambda: row.progress.maximum() == 4, timeout=LONG)
    assert made.status.text() == "Looking around…"
    made.what_next.go()  # the key, pressed once more, neither cancels nor asks again
    assert made.what_next.runner.running
    row.button.click()
    assert answered(made, qtbot) == CANCELLED
    assert (row.button.text(), row.progress.isHidden()) == (WHAT_NEXT, True)
    job.gate = None
    assert ask(made, qtbot).startswith("Reason 1.")
    assert len(job.requests) == 2


def test_places_that_were_reviewed_meanwhile_are_passed_over(opened: Any, qtbot) -> None:
    _, made, _ = opened
    ask(made, qtbot)
    corners = [(29, 39), (29, 61), (51, 61), (51, 39)]
    made.regions.put(np.array(corners, np.float64), "rectangle")
    assert ask(made, qtbot).startswith("Reason 3. Place 3 of 3.")
    made.regions.put(np.array([(0, 0), (0, 5), (20, 5), (20, 0)], np.float64), "rectangle")
    assert ask(made, qtbot).startswith("Reason 1.")  # a quarter of it is not enough
    assert len(made.what_next.job.requests) == 1


def test_when_all_is_reviewed_it_looks_once_more_and_says_so(opened: Any, qtbot) -> None:
    _, made, _ = opened
    ask(made, qtbot)
    made.regions.add_field()
    made.what_next.job.places = ()
    assert ask(made, qtbot) == NOTHING_LEFT
    assert len(made.what_next.job.requests) == 2
    assert ask(made, qtbot) == NOTHING_LEFT


def test_what_is_found_for_another_field_is_dropped(opened: Any, tmp_path: Path, qtbot) -> None:
    viewer, made, _ = opened
    job = made.what_next.job
    job.gate = threading.Event()
    made.what_next_row.button.click()
    qtbot.waitUntil(lambda: len(job.requests) == 1, timeout=LONG)
    viewer.layers.clear()
    add_result_of_file(viewer, tmp_path, "field 2")
    made.box.start_button.click()
    made.tell("something else")
    camera = viewer.scene.camera.center
    job.gate.set()
    assert answered(made, qtbot) == "something else"
    assert viewer.scene.camera.center == camera
    assert made.what_next_row.button.text() == WHAT_NEXT
    job.gate = None
    ask(made, qtbot)
    assert [request.fields for request in job.requests] == [("f1",), ("f2",)]


@pytest.mark.parametrize("places", [PLACES, ()])
def test_what_was_said_of_one_field_is_not_left_on_another(
    opened: Any, tmp_path: Path, qtbot, places
) -> None:
    viewer, made, _ = opened
    add_result_of_file(viewer, tmp_path, "field 2")
    made.box.start_button.click()
    made.what_next.job.places = places
    assert ask(made, qtbot)
    made.desk.show("f1")
    qtbot.waitUntil(lambda: made.desk.link.field == "f1", timeout=LONG)
    assert made.status.text() == ""


def test_another_model_in_use_asks_anew(opened: Any, tmp_path: Path, qtbot) -> None:
    _, made, _ = opened
    ask(made, qtbot)
    bundle = write_model(tmp_path, name="tuned", title="Tuned")
    version = made.desk.project.versions.add(bundle, "Version 1")
    made.desk.project.versions.activate(version.id)
    assert ask(made, qtbot).startswith("Reason 1.")
    asked = [request.model for request in made.what_next.job.requests]
    assert asked[1] == made.desk.project.versions.path(version.id) != asked[0]


def test_what_goes_wrong_is_said(opened: Any, qtbot) -> None:
    _, made, _ = opened

    def broken(request: WhatNextRequest) -> Iterator[Event]:
        yield Progress(0, 0)
        raise ValueError("no luck")

    made.what_next.job = broken
    assert "no luck" in ask(made, qtbot)
    made.what_next.job = Job((), "The picture is gone.")
    assert ask(made, qtbot) == "The picture is gone."
    made.what_next.models = {}
    assert ask(made, qtbot) == NO_MODEL


def test_without_a_field_there_is_nothing_to_press(panel: Any) -> None:
    _, made = panel
    assert not made.what_next_row.isEnabled()
    made.what_next.go()
    assert not made.what_next.runner.running


def test_closing_the_project_ends_the_search(opened: Any, qtbot) -> None:
    _, made, _ = opened
    made.what_next.job.gate = threading.Event()
    made.what_next_row.button.click()
    made.box.close_button.click()
    answered(made, qtbot)
    assert not made.what_next_row.isEnabled()
    assert made.what_next_row.button.text() == WHAT_NEXT


def test_with_a_real_model(opened: Any, tmp_path: Path, qtbot) -> None:
    viewer, made, layer = opened
    bundle = tiny_bundle(tmp_path / "real.safetensors", name="spots")
    made.what_next.models, made.what_next.job = {"spots": bundle}, run_what_next
    made.what_next_row.button.click()
    qtbot.waitUntil(lambda: not made.what_next.runner.running, timeout=FIRST)
    assert made.status.text().endswith("Place 1 of 1.")
    assert looked_at(viewer, layer, Box(0, 0, 60, 80))
