"""A removed layer of shapes must not take the program with it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.canvas_guard import (
    clean_canvases,
    guard_canvas,
    shrink_texture,
)
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
    events = viewer.layers.events
    before = [len(event.callbacks) for event in (events.removed, events.removing)]
    ScaleGuide(viewer)
    guard_canvas(viewer)
    after = [len(event.callbacks) for event in (events.removed, events.removing)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1]
    viewer.layers.remove(viewer.add_image(np.zeros((4, 4))))  # nothing to clean, no error


MEMORY = """
import sys

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets.canvas_guard import guard_canvas

viewer = napari.Viewer()
guard_canvas(viewer)
textures = []
for data in (np.ones((300, 200, 3), np.uint8), np.ones((40, 300, 200), np.uint8)):
    image = viewer.add_image(data, name="image")
    labels = viewer.add_labels(np.ones(data.shape[:2], np.int32), name="labels")
    viewer.screenshot(flash=False)
    seen = viewer.window._qt_viewer.canvas.layer_to_visual
    textures += [seen[layer].node._texture for layer in (image, labels)]
    assert all(min(texture.shape[:2]) > 1 for texture in textures[-2:])
    viewer.layers.clear()
    viewer.screenshot(flash=False)
print([texture.shape[:2] for texture in textures])
viewer.add_image(np.eye(64))
print(viewer.screenshot(flash=False).max())
viewer.close()
"""


@pytest.mark.usefixtures("qapp")
def test_the_memory_of_removed_pictures_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split("\n")[:2] == [str([(1, 1)] * 4), "255"], done.stderr


def test_a_viewer_without_a_window_has_nothing_to_give_back() -> None:
    viewer = ViewerModel()
    shrink_texture(viewer, viewer.add_image(np.zeros((4, 4))))
    assert len(viewer.layers) == 1


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
