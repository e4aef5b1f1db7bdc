"""Marks lie exactly on their objects and leave nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import run
from napari_selfreg.widgets import marks as module
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.marks import NAME, Marks, filled
from tests.widgets.panel_steps import names
from tests.widgets.results_steps import add_objects, squares
from tests.widgets.waits import LONG


def test_filled_takes_only_what_is_asked_for() -> None:
    labels = squares()
    assert np.array_equal(run(filled(labels, np.array([2, 99]))), labels == 2)
    assert not run(filled(labels * 0, np.array([2]))).any()


@pytest.mark.parametrize("limit", [10_000, 600])
def test_marks_lie_on_their_objects(
    make_napari_viewer_proxy, qtbot, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", limit)
    viewer = make_napari_viewer_proxy(show=True)
    owner = QWidget()
    viewer.window.add_dock_widget(owner)
    image, layer = add_objects(viewer)
    for each in (image, layer):
        each.rotate, each.translate = 30, (5, -7)
    marks = Marks(viewer, owner)
    marks.mark(layer, np.array([4, 5]))
    qtbot.waitUntil(lambda: marks.layer is not None, timeout=LONG)
    assert OWN_KEY in marks.layer.metadata
    inside = np.argwhere(marks.layer.data)
    worlds = [marks.layer.data_to_world(point) for point in inside]
    back = np.round([layer.world_to_data(world) for world in worlds]).astype(int)
    step = 1 if limit > 5000 else 3
    near = [
        layer.data[max(0, r - step) : r + step + 1, max(0, c - step) : c + step + 1]
        for r, c in back
    ]
    assert all(np.isin(part, (4, 5)).any() for part in near)
    shown = marks.layer
    marks.mark(layer, np.array([1]))
    qtbot.waitUntil(lambda: not marks.busy, timeout=LONG)
    assert marks.layer is shown
    assert viewer.layers.selection.active == layer
    marks.mark(layer, np.zeros(0, int))
    assert names(viewer) == ["field 1", "field 1 spots"]


def test_a_person_may_remove_marks_or_result_any_time(make_napari_viewer_proxy, qtbot) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    owner = QWidget()
    viewer.window.add_dock_widget(owner)
    _, layer = add_objects(viewer)
    marks = Marks(viewer, owner)
    marks.mark(layer, np.array([1]))
    qtbot.waitUntil(lambda: marks.layer is not None, timeout=LONG)
    viewer.layers.remove(NAME)
    marks.mark(layer, np.array([2]))
    qtbot.waitUntil(lambda: NAME in names(viewer), timeout=LONG)
    marks.mark(layer, np.array([3]))
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not marks.busy, timeout=LONG)
    marks.clear()
    assert names(viewer) == ["field 1"]
