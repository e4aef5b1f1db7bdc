"""A panel is told of every way out of its window, and of none that is none."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QTabWidget, QWidget

from napari_selfreg.widgets.correct.window_watch import WindowWatch
from tests.widgets.waits import LONG


class Careful(QMainWindow):
    """Asks before it closes; the answer is no until it is yes."""

    may_close = False

    def closeEvent(self, event: Any) -> None:
        if not self.may_close:
            event.ignore()


@pytest.fixture
def watched(qtbot) -> Any:
    """A window with a dock, its panel, and how often the panel was told that it has left."""
    window, dock, panel = Careful(), QDockWidget(), QWidget()
    qtbot.addWidget(window)
    dock.setWidget(panel)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.show()
    left: list[int] = []
    WindowWatch(panel).left.connect(lambda: left.append(1))
    yield window, dock, panel, left
    window.may_close = True


def test_a_window_that_stays_open_is_none(watched: Any, qtbot) -> None:
    window, _, panel, left = watched
    looking = panel.findChild(WindowWatch)._closing
    assert not window.close()
    assert looking.isActive()
    qtbot.waitUntil(lambda: not looking.isActive(), timeout=LONG)
    assert left == []
    window.may_close = True
    window.close()
    qtbot.waitUntil(lambda: left == [1], timeout=LONG)


def test_a_dock_that_is_taken_apart(watched: Any) -> None:
    _, dock, panel, left = watched
    panel.setParent(None)
    assert left == [1]
    panel.setParent(dock)
    assert left == [1]


def test_hiding_and_floating_is_not_leaving(watched: Any, qtbot) -> None:
    window, dock, panel, left = watched
    dock.hide()
    dock.show()
    dock.setFloating(True)
    dock.setFloating(False)
    window.removeDockWidget(dock)
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    looking = panel.findChild(WindowWatch)._closing
    qtbot.waitUntil(lambda: not looking.isActive(), timeout=LONG)
    assert left == []


def test_a_panel_that_moves_into_tabs_is_watched_there(watched: Any, qtbot) -> None:
    _, dock, panel, left = watched
    tabs = QTabWidget()
    tabs.addTab(panel, "Correct")
    dock.setWidget(tabs)
    left.clear()
    tabs.setParent(None)
    assert left == [1]
    qtbot.addWidget(tabs)


def test_the_end_of_the_program_is_told(watched: Any) -> None:
    *_, left = watched
    QApplication.instance().aboutToQuit.emit()
    assert left == [1]


def test_a_window_that_is_taken_apart_as_it_closes(watched: Any) -> None:
    window, _, _, left = watched
    window.may_close = True
    window.close()
    assert left == [1]  # before anybody can delete it
