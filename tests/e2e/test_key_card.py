"""Everything on the card *Mouse and keys*, done with a real mouse and real keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_selfreg.io.project.reviewed import reviewed_mask
from napari_selfreg.widgets.correct.keys import KEYS
from napari_selfreg.widgets.correct.panel import CorrectPanel
from tests.e2e.canvas import aim, canvas_of, drag, move, pixel, press
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.results_steps import squares

LONG = 60_000
KEYS_OF_OTHERS = {"T"}
"""Tested with what they start."""

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_QT = {
    "[": Qt.Key.Key_BracketLeft,
    "]": Qt.Key.Key_BracketRight,
    "Delete": Qt.Key.Key_Delete,
    "Backspace": Qt.Key.Key_Backspace,
    "F1": Qt.Key.Key_F1,
}


@pytest.fixture
def window(make_napari_viewer, tmp_path: Path, qtbot) -> Any:
    """A window with six squares being corrected, laid out and drawn."""
    viewer = make_napari_viewer(show=True)
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Correct")
    _, layer = add_result_of_file(viewer, tmp_path, classes=("spot", "other"), probability=None)
    panel.box.start_button.click()
    qtbot.waitUntil(lambda: aim(viewer, layer, 8, 10), timeout=LONG)
    yield viewer, panel, layer
    panel.desk.close()


def test_every_key(window: Any) -> None:
    viewer, panel, layer = window
    used = set()

    def key(name: str) -> None:
        letter = name.removeprefix("Shift-")
        code = _QT.get(letter) or Qt.Key[f"Key_{letter}"]
        press(viewer, code, SHIFT if name != letter else None)
        used.add(name)

    for name, tool in (("W", "wand"), ("C", "cut"), ("S", "brush")):
        key(name)
        assert panel.hand.active == tool
    size = panel.hand.size
    key("]")
    assert panel.hand.size > size
    key("[")
    assert panel.hand.size == size

    key("N")
    assert panel.selection.ids == (1,)
    key("Shift-N")
    assert panel.selection.ids == (6,)
    key("A")
    assert panel.desk.link.objects[6].accepted
    key("A")
    assert not panel.desk.link.objects[6].accepted
    panel.objects.classes.setCurrentText("other")
    key("K")
    assert panel.desk.link.objects[6].class_name == "other"

    panel.selection.set((1, 2))
    key("J")
    assert not (layer.data == 2).any()
    stroke(layer, 8, 10, 0)
    key("I")
    assert layer.data[8, 10] == 1
    before = np.array(layer.data)
    key("O")
    assert not np.array_equal(layer.data, before)
    for name, number in (("Delete", 3), ("Backspace", 4)):
        panel.selection.set((number,))
        key(name)
        assert not (layer.data == number).any()
    press(viewer, Qt.Key.Key_Z, CONTROL)
    assert (layer.data == 4).any()
    press(viewer, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert not (layer.data == 4).any()
    assert np.array_equal(panel.desk.project.labels("f1"), layer.data)

    QTest.keyPress(canvas_of(viewer), Qt.Key.Key_H)
    assert layer.opacity == 0
    key("H")  # pressed anew, since another window has heard how it was let go
    assert layer.opacity == 1
    key("F1")
    assert panel.card.isVisible()
    key("D")
    assert panel.desk.project.facts("f1").state == "done"
    key("D")
    assert panel.desk.project.facts("f1").state == "corrected"
    assert used == {each.key for each in KEYS} - KEYS_OF_OTHERS


def test_clicks_choose_and_the_picture_moves(window: Any, qtbot) -> None:
    viewer, panel, layer = window
    drag(viewer, layer, [(8, 10)])
    assert panel.selection.ids == (1,)
    drag(viewer, layer, [(8, 35)], SHIFT)
    assert panel.selection.ids == (1, 2)

    canvas, camera = canvas_of(viewer), viewer.scene.camera
    centre, zoom = np.array(camera.center), camera.zoom
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(viewer, layer, [(20, 20), (22, 24), (26, 30)])
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert not np.allclose(camera.center, centre)
    assert panel.hand.active == "brush"
    turn_wheel(canvas, pixel(viewer, layer, 20, 20))
    qtbot.waitUntil(lambda: camera.zoom > zoom, timeout=LONG)
    assert np.array_equal(layer.data, squares())
    assert panel.selection.ids == (1, 2)


def turn_wheel(canvas: Any, place: QPoint) -> None:
    event = QWheelEvent(
        QPointF(place),
        QPointF(canvas.mapToGlobal(place)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def reviewed(panel: Any) -> np.ndarray:
    project = panel.desk.project
    return reviewed_mask(project.facts("f1").regions.values(), project.field("f1"))


def test_a_polygon_is_drawn_with_clicks(window: Any, qtbot) -> None:
    viewer, panel, layer = window
    panel.review_box.polygon_button.click()
    canvas = canvas_of(viewer)
    corners = [(5, 5), (5, 60), (50, 60)]
    for corner in [*corners, corners[-1]]:
        place = pixel(viewer, layer, *corner)
        move(viewer, place)
        QTest.qWait(20)
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
        QTest.qWait(20)
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: len(panel.regions.all) == 1, timeout=LONG)
    mask = reviewed(panel)
    assert mask[10, 50]
    assert not mask[45, 10]
    assert mask.sum() == pytest.approx(45 * 55 / 2, rel=0.1)
    assert panel.hand.active == "brush"


def test_a_rectangle_is_dragged_and_a_click_is_none(window: Any, qtbot) -> None:
    viewer, panel, layer = window
    panel.review_box.rectangle_button.click()
    drag(viewer, layer, [(30, 30)])  # by mistake
    QTest.qWait(50)
    assert panel.regions.all == {}
    drag(viewer, layer, [(10, 20), (20, 40), (30, 60)])
    qtbot.waitUntil(lambda: len(panel.regions.all) == 1, timeout=LONG)
    assert reviewed(panel).sum() == pytest.approx(20 * 40, rel=0.1)
    assert viewer.layers.selection.active is layer
