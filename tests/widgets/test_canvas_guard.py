"""A removed layer of shapes must not take the program with it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.canvas_guard import clean_canvases, guard_canvas
from napari_selfreg.widgets.scale_guide import ScaleGuide
from tests.widgets.waits import LONG

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
    before = len(events.removing.callbacks), len(events.removed.callbacks)
    ScaleGuide(viewer)
    guard_canvas(viewer)
    assert (len(events.removing.callbacks), len(events.removed.callbacks)) == (
        before[0] + 1,
        before[1] + 1,
    )
    viewer.layers.remove(viewer.add_image(np.zeros((4, 4))))  # nothing to clean, no error


DELETED = """
import napari
import numpy as np
from qtpy.QtGui import QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from vispy.gloo import glir

from napari_selfreg.widgets.canvas_guard import guard_canvas

viewer = napari.Viewer()
guard_canvas(viewer)
canvas = viewer.window._qt_window.findChild(QOpenGLWidget)
found = {"GlirTexture": [], "GlirProgram": []}
for name in found:
    kind = getattr(glir, name)

    def delete(self, name=name, usual=kind.delete):
        current = QOpenGLContext.currentContext()
        found[name].append(current is not None and current == canvas.context())
        usual(self)

    kind.delete = delete
entered = []

def spy(event):
    entered.append(QOpenGLContext.currentContext() == canvas.context())

viewer.layers.events.removed.connect(spy, position="first")
for other in (True, False):
    viewer.add_image(np.ones((30, 20, 3), np.uint8))
    viewer.add_labels(np.ones((30, 20), np.int32))
    viewer.screenshot(flash=False)
    if other:  # the window's own context, as after it was put together on the screen
        canvas.doneCurrent()
    viewer.layers.clear()
print(entered)
print({name: (len(seen) > 3, all(seen)) for name, seen in found.items()})
viewer.add_image(np.eye(64))
print(viewer.screenshot(flash=False).max())
viewer.close()
"""


@pytest.mark.usefixtures("qapp")
def test_what_is_removed_is_freed_from_the_context_of_the_canvas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DELETED], capture_output=True, text=True, check=False, timeout=300
    )
    expected = str({"GlirTexture": (True, True), "GlirProgram": (True, True)})
    assert done.stdout.split("\n")[:3] == [str([True] * 4), expected, "255"], done.stderr


@pytest.mark.usefixtures("qapp")
def test_a_window_that_was_never_drawn_is_left_alone(qtbot) -> None:
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    canvas = QOpenGLWidget()
    qtbot.addWidget(canvas)
    clean_canvases()
    assert not canvas.isValid()


@pytest.mark.parametrize("before", ["none", "its own", "another"])
def test_the_canvas_stays_current_whatever_was_before(qtbot, before: str) -> None:
    from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
    from qtpy.QtOpenGLWidgets import QOpenGLWidget
    from qtpy.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    canvas = QOpenGLWidget(window)
    window.show()
    qtbot.waitUntil(canvas.isValid, timeout=LONG)
    surface, another = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    another.setShareContext(canvas.context())
    assert another.create()
    canvas.makeCurrent()
    if before == "none":
        canvas.doneCurrent()
    elif before == "another":
        assert another.makeCurrent(surface)
    clean_canvases()
    assert QOpenGLContext.currentContext() == canvas.context()


TWO = """
import napari
import numpy as np
from qtpy.QtGui import QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_selfreg.widgets.canvas_guard import guard_canvas

viewers = [napari.Viewer() for _ in range(2)]
entered = []
for viewer in viewers:
    guard_canvas(viewer)
    canvas = viewer.window._qt_window.findChild(QOpenGLWidget)

    def spy(event, canvas=canvas):
        entered.append(QOpenGLContext.currentContext() == canvas.context())

    viewer.layers.events.removed.connect(spy, position="first")
    viewer.add_image(np.eye(64))
    viewer.add_labels(np.ones((64, 64), np.int32))
    viewer.screenshot(flash=False)
for viewer in viewers:
    viewer.layers.pop()
    print([int(each.screenshot(flash=False).max()) for each in viewers])
    viewer.layers.clear()
print(entered)
for viewer in viewers:
    viewer.close()
"""


@pytest.mark.usefixtures("qapp")
def test_each_of_two_viewers_frees_from_its_own_canvas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO], capture_output=True, text=True, check=False, timeout=300
    )
    lines = done.stdout.split("\n")[:3]
    assert lines[0] == "[255, 255]", done.stderr
    assert lines[2] == str([True] * 4), done.stderr
