from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject

from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.inside.pointing import REST_MS, CameraRest, Pointing


class Press:
    """A mouse event as napari hands it to its callbacks."""

    def __init__(self, *modifiers: str, button: int = 1) -> None:
        self.type, self.button, self.modifiers = "mouse_press", button, modifiers
        self.pos, self.position = (10, 10), (1.0, 1.0)

    def to(self, x: int, kind: str = "mouse_move") -> None:
        self.type, self.pos, self.position = kind, (x, 10), (x / 10, 1.0)


def drag(pointing: Pointing, event: Press, *places: int) -> list[tuple[float, ...]]:
    heard: list[tuple[float, ...]] = []
    pointing.pointed.connect(heard.append)
    steps = pointing._on_press(None, event)
    for place in places:
        next(steps, None)
        event.to(place)
    next(steps, None)
    event.to(places[-1] if places else 10, "mouse_release")
    next(steps, None)
    return heard


def test_a_click_points_and_a_drag_moves_the_view(qapp) -> None:
    parent = QObject()
    viewer = ViewerModel()
    assert drag(Pointing(viewer, parent), Press()) == [(1.0, 1.0)]
    assert drag(Pointing(viewer, parent), Press(), 11, 12) == [(1.0, 1.0)]
    assert drag(Pointing(viewer, parent), Press(), 30) == []
    assert drag(Pointing(viewer, parent), Press(button=2)) == []
    assert drag(Pointing(viewer, parent), Press("Shift"), 30, 50) == [
        (1.0, 1.0),
        (3.0, 1.0),
        (5.0, 1.0),
    ]


def test_it_listens_only_while_it_should(qapp) -> None:
    viewer = ViewerModel()
    pointing = Pointing(viewer, QObject())
    before = len(viewer.mouse_drag_callbacks)
    pointing.listen(True)
    pointing.listen(True)
    assert len(viewer.mouse_drag_callbacks) == before + 1
    pointing.listen(False)
    assert len(viewer.mouse_drag_callbacks) == before


def test_a_panel_that_is_gone_hears_nothing(qapp, qtbot) -> None:
    viewer, parent = ViewerModel(), QObject()
    pointing = Pointing(viewer, parent)
    pointing.listen(True)
    heard: list[object] = []
    pointing.pointed.connect(heard.append)
    steps = pointing._on_press(None, Press())
    next(steps)
    parent.deleteLater()
    qtbot.waitUntil(lambda: not alive(pointing))
    assert list(steps) == []
    assert list(viewer.mouse_drag_callbacks[-1](None, Press("Shift"))) == []
    assert heard == []


def test_moving_counts_in_pixels_of_the_screen(qapp) -> None:
    parent = QObject()
    pointing = Pointing(ViewerModel(), parent)
    assert drag(pointing, Press(), 14) == [(1.0, 1.0)]  # a trembling hand
    assert drag(pointing, Press(), 15) == []


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def owner(qapp) -> QObject:
    return QObject()


@pytest.fixture
def rest(owner, viewer) -> CameraRest:
    return CameraRest(viewer, owner)


def test_only_the_last_of_many_moves_is_told(rest, viewer, qtbot) -> None:
    rest.on = True
    heard: list[None] = []
    rest.rested.connect(lambda: heard.append(None))
    with qtbot.waitSignal(rest.rested, timeout=20 * REST_MS):
        for zoom in (2, 3, 4):
            viewer.scene.camera.zoom = zoom
    assert len(heard) == 1


def test_another_slice_is_another_view(rest, viewer, qtbot) -> None:
    viewer.add_image(np.zeros((3, 8, 8)))
    rest.on = True
    with qtbot.waitSignal(rest.rested, timeout=20 * REST_MS):
        viewer.dims.set_current_step(0, 2)


def test_it_is_silent_until_it_is_switched_on_and_after_it_is_stopped(rest, viewer, qtbot) -> None:
    viewer.scene.camera.zoom = 2
    assert not rest._timer.isActive()
    rest.on = True
    rest.stop()
    viewer.scene.camera.zoom = 3
    assert not rest._timer.isActive()
