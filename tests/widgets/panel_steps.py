"""Steps that tests of the panel share."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from tests.widgets.waits import LONG

MICRONS = {"units": ["um", "um"]}


def add_field(viewer: Any, data: np.ndarray, name: str = "field", **kwargs: Any) -> Any:
    return viewer.add_image(data, name=name, rgb=True, **(MICRONS | kwargs))


def run_to_the_end(panel, qtbot) -> Any:
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    return signal.args[0]


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def truth_of(field: np.ndarray) -> np.ndarray:
    return field[..., 0] < 100


def double_click(button: QWidget) -> None:
    """Send what a mouse sends: Qt's own test function leaves the first click out."""
    place, left = QPointF(5, 5), Qt.MouseButton.LeftButton
    press, release = QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease
    for kind in (press, release, QEvent.Type.MouseButtonDblClick, release):
        event = QMouseEvent(kind, place, place, left, left, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(button, event)
