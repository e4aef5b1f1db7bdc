"""Panels opened one by one from the menu *Plugins > Self Reg*."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.workbench import TITLE, add_workbench
from tests.widgets.waits import LONG


@pytest.fixture
def viewer(make_napari_viewer: Any, qtbot: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    qtbot.wait(50)
    return viewer


def choose(viewer: Any, name: str) -> QDockWidget | None:
    """Choose an entry of *Plugins > Self Reg*; return the dock, or None where there is none."""
    from napari._app_model import get_app_model

    get_app_model().commands.execute_command(f"napari-selfreg.{name}").result()
    title = {"workbench": TITLE, "inside": "Look inside (Self Reg)"}.get(
        name, f"{name.title()} (Self Reg)"
    )
    docks = viewer.window._qt_window.findChildren(QDockWidget)
    return next((dock for dock in docks if dock.windowTitle() == title), None)


def test_panels_opened_one_by_one_are_tabs_of_one_place(viewer, qtbot) -> None:
    window = viewer.window._qt_window
    add_workbench(viewer)
    docks = []
    for name in ("segment", "results", "correct"):
        docks.append(choose(viewer, name))
        qtbot.waitUntil(
            lambda dock=docks[-1]: not dock.visibleRegion().isEmpty(), timeout=LONG
        )  # the new one is in front
    assert set(window.tabifiedDockWidgets(docks[-1])) >= set(docks[:-1])
    assert window.height() == 800


def test_the_menu_hides_and_shows_the_workbench_that_is_there(viewer, qtbot) -> None:
    bench = add_workbench(viewer)
    qtbot.waitUntil(bench.isVisible, timeout=LONG)
    dock = choose(viewer, "workbench")
    assert not dock.isVisible()
    choose(viewer, "workbench")
    qtbot.waitUntil(bench.isVisible, timeout=LONG)
    assert list(viewer.window.dock_widgets) == [TITLE]


def test_a_panel_that_was_moved_away_stays_there_when_it_comes_back(viewer, qtbot) -> None:
    window = viewer.window._qt_window
    first, second = choose(viewer, "results"), choose(viewer, "segment")
    qtbot.waitUntil(lambda: first in window.tabifiedDockWidgets(second), timeout=LONG)
    second.setFloating(True)
    second.hide()
    second.show()
    qtbot.wait(50)
    assert second.isFloating()
    assert not window.tabifiedDockWidgets(first)


def test_panels_of_others_are_left_alone(viewer, qtbot) -> None:
    theirs = viewer.window.add_dock_widget(QWidget(), name="theirs", area="right")
    ours = QWidget()
    share_one_place(ours)
    dock = viewer.window.add_dock_widget(ours, name="ours", area="right")
    qtbot.wait(50)
    assert dock.isVisible()
    assert not viewer.window._qt_window.tabifiedDockWidgets(theirs)
