from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from napari.layers import Labels
from qtpy.QtWidgets import QTabWidget, QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.resegment_types import CompareRequest, FieldCompared
from napari_selfreg.widgets.finetune import comparison
from napari_selfreg.widgets.finetune.comparison import (
    Comparison,
    both_in_words,
    change_in_words,
)
from napari_selfreg.widgets.finetune.places import image_layer_of, place_of
from napari_selfreg.widgets.finetune.wiper_layer import NAME, WiperLayer, composed
from napari_selfreg.widgets.shared import shared_for
from tests.widgets.finetune.cases import new_project
from tests.widgets.waits import LONG

SHAPE = (6, 10)
labels = arrays(np.int32, SHAPE, elements=st.integers(0, 3))


def compared(field: str, change: float, size: tuple[int, int] = (64, 80)) -> FieldCompared:
    before, after = np.zeros(size, np.int32), np.zeros(size, np.int32)
    before[5:15, 5:15], after[5:15, 5:20] = 1, 2
    return FieldCompared(field, before, after, change)


def fake_job(request: CompareRequest) -> Iterator[Event]:
    yield Progress(0, 2, "Comparing")
    yield compared("f1", 0.02)
    yield compared("f2", 0.3)
    return None


@pytest.fixture
def box(make_napari_viewer_proxy, project, qtbot) -> Any:
    viewer = make_napari_viewer_proxy()
    shared = shared_for(viewer)
    shared.projectFieldWanted.connect(lambda field: show(viewer, project, field))
    made = Comparison(viewer, shared, fake_job)
    viewer.window.add_dock_widget(made, name="Before | after")
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1", "f2")))
    made._wish.stop()
    return viewer, made


def show(viewer: Any, project: Any, field: str) -> None:
    viewer.layers.clear()
    viewer.open(str(project.images.path(field)), plugin="napari")
    viewer.layers[0].scale = (2.0, 2.0)


def compare(box: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(box.compared, timeout=LONG):
        box.button.click()


@given(labels, labels, st.integers(0, SHAPE[1]))
def test_left_is_before_and_right_is_after(before, after, column) -> None:
    both = composed(before, after, column, line=0)
    np.testing.assert_array_equal(both[:, :column] > 0, before[:, :column] > 0)
    np.testing.assert_array_equal(both[:, column:] > 0, after[:, column:] > 0)
    assert set(np.unique(both[:, :column] % 3)) <= {0, 1}
    assert set(np.unique(both[:, column:] % 3)) <= {0, 2}
    # one id for each object
    assert len(np.unique(both[:, :column])) == len(np.unique(before[:, :column]))


def test_the_line_lies_between() -> None:
    ones = np.ones(SHAPE, np.int32)
    assert (composed(ones, ones, 5, line=2)[:, 4:6] == 3).all()
    for edge in (0, SHAPE[1]):
        assert not (composed(ones, ones, edge, line=2) == 3).any()


def test_the_field_that_changed_most_comes_first_and_is_shown(box, qtbot) -> None:
    _, made = box
    compare(made, qtbot)
    rows = [made.fields.item(i).text() for i in range(made.fields.count())]
    assert rows == ["field1 · 30 % changed", "field0 · 2 % changed"]
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    layer = made.wiper.layer
    assert tuple(layer.scale) == (2.0, 2.0)
    assert layer.name == NAME
    assert not layer.editable


def test_the_slider_wipes(box, qtbot) -> None:
    _, made = box
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    made.slider.setValue(made.slider.maximum())
    qtbot.waitUntil(lambda: int((made.wiper.layer.data > 0).sum()) == 100, timeout=LONG)
    made.slider.setValue(0)
    qtbot.waitUntil(lambda: int((made.wiper.layer.data > 0).sum()) == 150, timeout=LONG)


def test_other_objects_are_hidden_and_come_back(box, qtbot) -> None:
    viewer, made = box
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    made.on_canvas.setChecked(False)
    assert made.wiper.layer is None
    other = viewer.add_labels(np.ones((64, 80), np.int32))
    hidden = viewer.add_labels(np.ones((64, 80), np.int32), visible=False)
    viewer.layers.selection.active = other
    made.on_canvas.setChecked(True)
    assert not other.visible
    assert viewer.layers.selection.active == other
    made.clear()
    assert other.visible
    assert not hidden.visible
    assert NAME not in viewer.layers


def test_no_field_is_opened_while_a_person_works_in_another_tab(box, qtbot) -> None:
    _, made = box
    asked: list[str] = []
    made._shared.projectFieldWanted.connect(asked.append)
    tabs = QTabWidget()
    qtbot.addWidget(tabs)
    for page in (QWidget(), made):
        tabs.addTab(page, "")
    compare(made, qtbot)
    assert asked == []
    assert made.status.text() == comparison.CHOOSE
    made.fields.setCurrentRow(0)
    assert asked == ["f2"]


@pytest.mark.parametrize("with_its_field", [True, False])
def test_outlines_come_back_when_somebody_else_takes_the_layer(
    box, qtbot, with_its_field: bool
) -> None:
    viewer, made = box
    other = Labels(np.ones((64, 80), np.int32))
    made._shared.projectFieldWanted.connect(lambda field: viewer.add_layer(other))
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    assert not other.visible
    if with_its_field:
        viewer.layers.clear()
    else:
        viewer.layers.remove(NAME)
    qtbot.waitUntil(lambda: other.visible, timeout=LONG)
    assert made.status.text() == comparison.CHOOSE
    made.fields.setCurrentRow(0)  # the row that was shown
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)


def test_a_click_tells_what_both_made_of_an_object(box, qtbot) -> None:
    viewer, made = box
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    viewer.mouse_drag_callbacks[-1](viewer, SimpleNamespace(position=(20.0, 20.0)))
    assert made.status.text().startswith("Before 100\u202fµm², after 150\u202fµm²")
    assert "80 %" in made.status.text()
    before = made.status.text()
    viewer.mouse_drag_callbacks[-1](viewer, SimpleNamespace(position=(-20.0, 20.0)))
    assert made.status.text() == before


@pytest.mark.parametrize(
    ("ids", "words"),
    [((0, 0), "No object"), ((0, 2), "New here"), ((1, 0), "Gone here"), ((1, 2), "Before 200")],
)
def test_one_place_in_words(ids, words) -> None:
    assert both_in_words(compared("f1", 0.1), *ids, 2.0).startswith(words)


def test_change_in_words() -> None:
    assert [change_in_words(each) for each in (0.0, 0.004, 0.25)] == [
        "unchanged",
        "under 1 % changed",
        "25 % changed",
    ]


def test_a_failure_is_said(make_napari_viewer_proxy, project, qtbot) -> None:
    def fail(request: CompareRequest) -> Iterator[Event]:
        yield Progress(0, 0)
        raise BadInputError("The picture is odd: look at it.")

    viewer = make_napari_viewer_proxy()
    made = Comparison(viewer, shared_for(viewer), fail)
    viewer.window.add_dock_widget(made)
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1",)))
    qtbot.waitUntil(lambda: made.status.text().startswith("The picture is odd"), timeout=LONG)
    assert made.button.text() == "Compare"


def test_without_the_image_a_field_is_not_drawn(make_napari_viewer_proxy, project) -> None:
    viewer = make_napari_viewer_proxy()
    assert image_layer_of(viewer, project, "f1") is None
    assert place_of(viewer, project, "f1") is None
    wiper = WiperLayer(viewer)
    wiper.move(0.2)
    assert wiper.ids_at((0.0, 0.0)) is None


def test_labels_of_a_part_lie_where_they_belong(make_napari_viewer_proxy, tmp_path) -> None:
    viewer = make_napari_viewer_proxy()
    opened = new_project(
        tmp_path, 1, image_shape=(200, 300), offset=(10.0, 20.0), downsample=(2.0, 2.0)
    )
    with opened:
        show(viewer, opened, "f1")
        place = place_of(viewer, opened, "f1")
    assert place is not None
    assert place["scale"] == (4.0, 4.0)
    assert place["translate"] == (21.0, 41.0)


def test_large_fields_wait_until_they_are_asked_for(box, project, qtbot, monkeypatch) -> None:
    _, made = box
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1",)))
    assert made._wish.isActive()
    monkeypatch.setattr(comparison, "_AT_ONCE_PIXELS", 64 * 80)
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1",)))
    assert made._wish.isActive()
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1", "f2")))
    assert not made._wish.isActive()
    assert not made.isHidden()


def test_another_pair_of_models_starts_with_nothing(box, project, qtbot) -> None:
    _, made = box
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    made.offer(CompareRequest(project, Path("a"), Path("c"), ("f1",)))
    made._wish.stop()
    assert made.found == {}
    assert made.fields.count() == 0
    assert made.wiper.layer is None
    assert made.slider.isHidden()


def test_what_was_compared_before_a_cancel_can_be_looked_at(
    make_napari_viewer_proxy, project, qtbot
) -> None:
    def job(request: CompareRequest) -> Iterator[Event]:
        yield compared("f2", 0.4)
        while True:
            yield Progress(1, 2, "Comparing both models on all fields")

    viewer = make_napari_viewer_proxy()
    made = Comparison(viewer, shared_for(viewer), job)
    viewer.window.add_dock_widget(made)
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1", "f2")))
    made._wish.stop()
    made.button.click()
    assert made.button.text() == "Cancel"
    qtbot.waitUntil(lambda: made.fields.count() == 1, timeout=LONG)
    made.button.click()
    qtbot.waitUntil(lambda: not made.runner.running, timeout=LONG)
    assert made.button.text() == "Compare"
    assert made.status.text().startswith("Cancelled")
    assert made.fields.item(0).text() == "field1 · 40 % changed"
    made.clear()


def test_a_row_that_is_clicked_asks_for_its_field(box, qtbot) -> None:
    _, made = box
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.wiper.layer is not None, timeout=LONG)
    asked: list[str] = []
    made._shared.projectFieldWanted.connect(asked.append)
    made.fields.setCurrentRow(1)
    assert asked == ["f1"]
    made.show_field("unknown")
    assert asked == ["f1"]


def test_a_field_that_cannot_be_shown_is_said(
    make_napari_viewer_proxy, project, qtbot, monkeypatch
) -> None:
    monkeypatch.setattr(comparison, "_TRIES", 1)
    viewer = make_napari_viewer_proxy()
    made = Comparison(viewer, shared_for(viewer), fake_job)  # nobody opens the field
    viewer.window.add_dock_widget(made)
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1", "f2")))
    made._wish.stop()
    compare(made, qtbot)
    qtbot.waitUntil(lambda: made.status.text().startswith("Open this field"), timeout=LONG)
    assert made.wiper.layer is None


def test_nothing_that_could_be_compared_is_said(make_napari_viewer_proxy, project, qtbot) -> None:
    def nothing(request: CompareRequest) -> Iterator[Event]:
        yield Progress(0, 1)

    viewer = make_napari_viewer_proxy()
    made = Comparison(viewer, shared_for(viewer), nothing)
    viewer.window.add_dock_widget(made)
    made.offer(CompareRequest(project, Path("a"), Path("b"), ("f1",)))
    made._wish.stop()
    compare(made, qtbot)
    assert made.status.text() == "No field could be compared."
    assert made.slider.isHidden()


def test_the_mouse_is_let_go_with_the_panel(make_napari_viewer_proxy, qtbot) -> None:
    viewer = make_napari_viewer_proxy()
    before = list(viewer.mouse_drag_callbacks)
    made = Comparison(viewer, shared_for(viewer), fake_job)
    kept = weakref.ref(made)
    assert len(viewer.mouse_drag_callbacks) == len(before) + 1
    made.deleteLater()
    del made
    qtbot.waitUntil(lambda: len(viewer.mouse_drag_callbacks) == len(before), timeout=LONG)
    gc.collect()
    assert kept() is None
