from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.pixel_size_edit import OBJECTIVES, PixelSizeEdit
from tests.widgets.waits import LONG


@pytest.fixture
def edit(qtbot) -> PixelSizeEdit:
    widget = PixelSizeEdit()
    qtbot.addWidget(widget)
    return widget


def fields(edit: PixelSizeEdit) -> list[QLineEdit]:
    return [edit._y, edit._x]


def type_into(qtbot, field: QLineEdit, text: str) -> None:
    field.clear()
    qtbot.keyClicks(field, text)


def test_unknown_at_first(edit: PixelSizeEdit) -> None:
    assert edit.value() is None
    assert [field.text() for field in fields(edit)] == ["", ""]


def test_a_value_is_kept_exactly(edit: PixelSizeEdit, qtbot) -> None:
    size = PixelSize(0.123456789, 0.25)
    with qtbot.waitSignal(edit.valueChanged, timeout=LONG):
        edit.setValue(size, "stated by the image")
    assert edit.value() == size
    assert fields(edit)[0].text() == "0.123457"
    assert edit.origin() == "stated by the image"
    with qtbot.assertNotEmitted(edit.valueChanged):
        edit.setValue(size)
    edit.setValue(None)
    assert edit.value() is None


def test_x_follows_y_while_both_agree(edit: PixelSizeEdit, qtbot) -> None:
    y, x = fields(edit)
    with qtbot.waitSignal(edit.edited, timeout=LONG):
        type_into(qtbot, y, "0.5")
    assert edit.value() == PixelSize(0.5, 0.5)
    type_into(qtbot, x, "0.25")
    assert edit.value() == PixelSize(0.5, 0.25)
    type_into(qtbot, y, "0.4")
    assert edit.value() == PixelSize(0.4, 0.25)


def test_a_comma_is_a_point_and_letters_are_refused(edit: PixelSizeEdit, qtbot) -> None:
    type_into(qtbot, fields(edit)[0], "0,2a5-")
    assert edit.value() == PixelSize(0.25, 0.25)


@pytest.mark.parametrize("text", ["0", ".", "0.001", "352.9"])
def test_what_no_microscope_has_counts_as_unknown(edit: PixelSizeEdit, qtbot, text: str) -> None:
    edit.setValue(PixelSize(1, 1))
    y, x = fields(edit)
    type_into(qtbot, y, text)
    type_into(qtbot, x, text)
    assert edit.value() is None


def test_magnifications_and_the_models_size_can_be_chosen(edit: PixelSizeEdit, qtbot) -> None:
    edit.setModelSize(PixelSize(1.1, 1.2))
    actions = [action for action in edit._menu.actions() if not action.isSeparator()]
    assert len(actions) == len(OBJECTIVES) + 1
    with qtbot.waitSignal(edit.edited, timeout=LONG):
        actions[0].trigger()
    assert edit.value() == PixelSize(0.25, 0.25)
    actions[-1].trigger()
    assert edit.value() == PixelSize(1.1, 1.2)
    edit.setModelSize(None)
    assert len(edit._menu.actions()) == len(OBJECTIVES)


def test_the_fields_are_reached_by_tab(edit: PixelSizeEdit) -> None:
    assert all(field.focusPolicy() & Qt.FocusPolicy.TabFocus for field in fields(edit))
    assert {field.accessibleName() for field in fields(edit)} == {
        "Pixel size along y (rows)",
        "Pixel size along x (columns)",
    }
