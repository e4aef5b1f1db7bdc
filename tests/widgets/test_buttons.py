from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_selfreg.widgets.buttons import button


@pytest.mark.parametrize("checkable", [True, False])
def test_a_button_says_what_it_does(qtbot, checkable: bool) -> None:
    made = button("Wand", "Click what looks alike (W)", checkable=checkable)
    qtbot.addWidget(made)
    assert (made.text(), made.toolTip()) == ("Wand", "Click what looks alike (W)")
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton)
    assert made.isChecked() is checkable


def test_a_sign_has_a_name_for_screen_readers(qtbot) -> None:
    made = button("◀", "The field before (PgUp)", "Previous field")
    qtbot.addWidget(made)
    assert made.accessibleName() == "Previous field"
