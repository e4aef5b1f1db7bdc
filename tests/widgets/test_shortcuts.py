"""Keys of a panel."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_selfreg.widgets.shortcuts import add_shortcuts
from tests.widgets.waits import LONG


def test_keys_act_inside_of_the_panel_only(qtbot) -> None:
    window, panel, inside, outside = QWidget(), QWidget(), QLineEdit(), QLineEdit()
    QVBoxLayout(panel).addWidget(inside)
    column = QVBoxLayout(window)
    column.addWidget(panel)
    column.addWidget(outside)
    qtbot.addWidget(window)
    called: list[str] = []
    add_shortcuts(panel, {"Esc": lambda: called.append("stop")})
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
    for part, expected in ((outside, []), (inside, ["stop"])):
        part.setFocus()
        QTest.keyClick(part, Qt.Key.Key_Escape)
        assert called == expected
