from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_selfreg.widgets.correct.buttons import button


@pytest.mark.parametrize("checkable", [True, False])
def test_a_button_says_what_it_does(qtbot, checkable: bool) -> None:
    made = button("Wand", "Click what looks alike (W)", checkable=checkable)
    qtbot.addWidget(made)
    assert (made.text(), made.toolTip()) == ("Wand", "Click what looks alike (W)")
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton)
    assert made.isChecked() is checkable
