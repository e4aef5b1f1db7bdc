"""A click finds the row, a row finds the object, a brush moves nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QTableView, QWidget

from napari_selfreg.core.totals import find_places
from napari_selfreg.widgets.object_link import ObjectLink
from napari_selfreg.widgets.result_plane import feature_rows
from tests.widgets.results_steps import add_objects, info_for, squares, table_for


@pytest.fixture
def linked(make_napari_viewer_proxy) -> Any:
    viewer = make_napari_viewer_proxy(show=True)
    owner = QWidget()
    viewer.window.add_dock_widget(owner)
    _, layer = add_objects(viewer)
    layer.features = feature_rows(table_for(squares(), info_for(squares())))
    link = ObjectLink(viewer, owner)
    link.setLayer(layer)
    link.setPlaces(find_places(layer.data))
    return viewer, layer, link


def click(layer: Any, row: float, column: float, *between: str, button: int = 1) -> None:
    """Do to the layer's callback what napari does: press, perhaps move, release."""
    position = tuple(layer.data_to_world((row, column)))
    event = SimpleNamespace(
        type="mouse_press",
        button=button,
        position=position,
        view_direction=None,
        dims_displayed=[0, 1],
    )
    steps = layer.mouse_drag_callbacks[-1](layer, event)
    for kind in (*["mouse_press"] * bool(button == 1), *between, "mouse_release"):
        event.type = kind
        next(steps, None)


def test_a_click_chooses_the_object_and_the_camera_stays(linked, qtbot) -> None:
    viewer, layer, link = linked
    centre, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    view = link.openTable().findChild(QTableView)
    viewer.reset_view()
    centre, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    with qtbot.waitSignal(link.selected) as signal:
        click(layer, 35, 32)
    assert signal.args == [5]
    assert layer.selected_label == 5
    assert [index.row() for index in view.selectionModel().selectedRows()] == [5]
    assert viewer.scene.camera.center == centre
    assert viewer.scene.camera.zoom == zoom


def test_dragging_the_background_and_other_buttons_choose_nothing(linked) -> None:
    _, layer, _ = linked
    before = layer.selected_label
    click(layer, 35, 32, "mouse_move", "mouse_move")
    click(layer, 25, 70)
    click(layer, 35, 32, button=2)
    assert layer.selected_label == before


def test_a_number_brings_the_camera_near_enough(linked) -> None:
    viewer, layer, _ = linked
    viewer.scene.camera.zoom = 0.5
    layer.selected_label = 6
    rows, columns = np.nonzero(layer.data == 6)
    middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2 * 0.5
    assert np.allclose(viewer.scene.camera.center[-2:], middle)
    assert viewer.scene.camera.zoom > 0.5
    near = viewer.scene.camera.zoom = viewer.scene.camera.zoom * 3
    layer.selected_label = 1
    assert viewer.scene.camera.zoom == near  # never further away


def test_with_a_brush_in_hand_a_number_is_a_colour(linked, qtbot) -> None:
    viewer, layer, link = linked
    layer.mode = "paint"
    centre = viewer.scene.camera.center
    with qtbot.waitSignal(link.selected) as signal:
        layer.selected_label = 4
    assert signal.args == [4]
    assert viewer.scene.camera.center == centre
    click(layer, 35, 32)
    assert layer.selected_label == 4


def test_an_unknown_number_goes_nowhere(linked, qtbot) -> None:
    viewer, layer, link = linked
    centre = viewer.scene.camera.center
    with qtbot.waitSignal(link.selected) as signal:
        layer.selected_label = 77
    assert signal.args == [0]
    assert viewer.scene.camera.center == centre


def test_a_layer_that_is_let_go_keeps_no_callback(linked) -> None:
    viewer, layer, link = linked
    count = len(layer.mouse_drag_callbacks)
    link.setLayer(None)
    assert len(layer.mouse_drag_callbacks) == count - 1
    centre = viewer.scene.camera.center
    layer.selected_label = 2
    assert viewer.scene.camera.center == centre
