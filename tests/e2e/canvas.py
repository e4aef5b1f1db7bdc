"""A real mouse and real keys on the canvas of a viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

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
    # A mouse that is there already does not move, and tells the canvas nothing.
    for place in ((row + 5, column + 5), (row, column)):
        QTest.mouseMove(canvas_of(viewer), pixel(viewer, layer, *place))
    met = layer.world_to_data(viewer.cursor.position)[-2:]
    return bool(np.abs(np.subtract(met, (row, column))).max() < 2)


def drag(viewer: Any, layer: Any, path: list[tuple[float, float]], keys: Any = None) -> None:
    canvas, held = canvas_of(viewer), keys or Qt.KeyboardModifier.NoModifier
    points = [pixel(viewer, layer, *place) for place in path]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, held, points[0])
    for point in points[1:]:
        QTest.mouseMove(canvas, point)
        QTest.qWait(30)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, held, points[-1])
    QTest.qWait(50)


def press(viewer: Any, key: Any, keys: Any = None) -> None:
    canvas = canvas_of(viewer)
    QTest.keyClick(canvas, key, keys or Qt.KeyboardModifier.NoModifier)
    QTest.qWait(50)
