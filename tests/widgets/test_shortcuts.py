"""Keys of a panel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_selfreg.widgets.shortcuts import add_shortcuts
from tests.widgets.waits import LONG


@pytest.fixture
def parts(qtbot) -> Iterator[tuple[QWidget, QLineEdit, QLineEdit]]:
    """A panel in a window, a part inside of it and one outside."""
    window, panel, inside, outside = QWidget(), QWidget(), QLineEdit(), QLineEdit()
    QVBoxLayout(panel).addWidget(inside)
    column = QVBoxLayout(window)
    column.addWidget(panel)
    column.addWidget(outside)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
    yield panel, inside, outside  # noqa: PT022 - returned, the window would be gone


def test_plain_keys_act_inside_of_the_panel_only(parts) -> None:
    panel, inside, outside = parts
    called: list[str] = []
    add_shortcuts(panel, {"Esc": lambda: called.append("stop")})
    for part, expected in ((outside, []), (inside, ["stop"])):
        part.setFocus()
        QTest.keyClick(part, Qt.Key.Key_Escape)
        assert called == expected


def test_keys_with_ctrl_act_while_the_panel_is_in_front(parts) -> None:
    panel, inside, outside = parts
    called: list[str] = []
    add_shortcuts(panel, {"Ctrl+Return": lambda: called.append("run")})
    for part in (inside, outside):
        part.setFocus()
        QTest.keyClick(part, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert called == ["run", "run"]
    panel.hide()
    QTest.keyClick(outside, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert called == ["run", "run"]
