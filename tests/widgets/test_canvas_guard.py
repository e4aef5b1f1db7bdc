"""A removed layer of shapes must not take the program with it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.canvas_guard import clean_canvases, guard_canvas
from napari_selfreg.widgets.scale_guide import ScaleGuide

# In a process of its own: without the guard this one ends in the driver, not with an exception.
CODE = """
import napari
import numpy as np
from qtpy.QtTest import QTest

from napari_selfreg.widgets.canvas_guard import guard_canvas

viewer = napari.Viewer()
guard_canvas(viewer)
viewer.add_image(np.zeros((64, 64, 3), np.uint8), rgb=True)
shapes = viewer.add_shapes([[[50, 5], [50, 60]]] * 2, shape_type="line")
QTest.qWait(300)
viewer.layers.remove(shapes)
QTest.qWait(300)
viewer.add_image(np.eye(64, dtype=np.uint8))
QTest.qWait(300)
viewer.close()
print("still here")
"""


@pytest.mark.usefixtures("qapp")  # brings the virtual screen
def test_an_image_can_be_drawn_after_shapes_were_removed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False, timeout=300
    )
    assert "still here" in done.stdout, done.stderr


def test_watching_twice_is_watching_once(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = ViewerModel()
    before = len(viewer.layers.events.removed.callbacks)
    ScaleGuide(viewer)
    guard_canvas(viewer)
    assert len(viewer.layers.events.removed.callbacks) == before + 1
    viewer.layers.remove(viewer.add_image(np.zeros((4, 4))))  # nothing to clean, no error


@pytest.mark.usefixtures("qapp")
def test_a_window_that_was_never_drawn_is_left_alone(qtbot) -> None:
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    canvas = QOpenGLWidget()
    qtbot.addWidget(canvas)
    clean_canvases()
    assert not canvas.isValid()


def test_no_context_stays_current_so_that_nothing_is_freed_under_a_drawing(qtbot) -> None:
    from qtpy.QtGui import QOpenGLContext
    from qtpy.QtOpenGLWidgets import QOpenGLWidget
    from qtpy.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    canvas = QOpenGLWidget(window)
    window.show()
    qtbot.waitUntil(canvas.isValid, timeout=20_000)
    canvas.makeCurrent()
    clean_canvases()
    assert QOpenGLContext.currentContext() is None
