"""A real mouse and real keys on the canvas of a viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.result_plane import label_point


def pixel(viewer: Any, layer: Any, row: float, column: float) -> QPoint:
    """Where a pixel of a layer lies on the canvas."""
    canvas, camera = canvas_of(viewer), viewer.scene.camera
    world = label_point(layer, row, column)[-2:]
    y, x = (world - np.array(camera.center[-2:])) * camera.zoom
    return QPoint(round(canvas.width() / 2 + x), round(canvas.height() / 2 + y))


def canvas_of(viewer: Any) -> Any:
    return bare(viewer).window._qt_viewer.canvas.native


def aim(viewer: Any, layer: Any, row: float, column: float) -> bool:
    """Whether the mouse meets a pixel of a layer: not before the window is laid out and drawn."""
    viewer.reset_view()
    QTest.qWait(100)
    move(viewer, pixel(viewer, layer, row, column))
    met = layer.world_to_data(viewer.cursor.position)[-2:]
    return bool(np.abs(np.subtract(met, (row, column))).max() < 2)


def move(viewer: Any, place: QPoint, button: Any = None, keys: Any = None) -> None:
    """Move the mouse on the canvas, with a button held or none.

    Qt's own `mouseMove` asks the screen to move the pointer: the canvas hears of it a while later,
    and never if the pointer is there already.
    """
    canvas, none = canvas_of(viewer), Qt.MouseButton.NoButton
    on_screen = QPointF(canvas.mapToGlobal(place))
    held = keys or Qt.KeyboardModifier.NoModifier
    kind = QEvent.Type.MouseMove
    event = QMouseEvent(kind, QPointF(place), on_screen, none, button or none, held)
    QApplication.sendEvent(canvas, event)


def drag(viewer: Any, layer: Any, path: list[tuple[float, float]], keys: Any = None) -> None:
    canvas, held = canvas_of(viewer), keys or Qt.KeyboardModifier.NoModifier
    points = [pixel(viewer, layer, *place) for place in path]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, held, points[0])
    for point in points[1:]:
        move(viewer, point, Qt.MouseButton.LeftButton, held)
        QTest.qWait(30)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, held, points[-1])
    QTest.qWait(50)


def press(viewer: Any, key: Any, keys: Any = None) -> None:
    canvas = canvas_of(viewer)
    QTest.keyClick(canvas, key, keys or Qt.KeyboardModifier.NoModifier)
    QTest.qWait(50)
