from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QTabWidget, QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.pixel_size_chooser import PixelSizeChooser

TWENTY, TEN = PixelSize.isotropic(0.5), PixelSize.isotropic(1.0)


@pytest.fixture
def chooser(qtbot) -> PixelSizeChooser:
    made = PixelSizeChooser()
    qtbot.addWidget(made)
    return made


def point(chooser: PixelSizeChooser, name: str, kind: QEvent.Type) -> None:
    QApplication.sendEvent(chooser.buttons[name], QEvent(kind))


def test_an_unknown_size_is_asked_for(chooser: PixelSizeChooser) -> None:
    assert chooser.value() is None
    assert chooser.hint.isVisibleTo(chooser)
    chooser.setValue(TEN, "stated by the file")
    assert chooser.value() == TEN
    assert not chooser.hint.isVisibleTo(chooser)
    assert chooser.edit.origin() == "stated by the file"


def test_a_magnification_is_one_click(chooser: PixelSizeChooser, qtbot) -> None:
    with qtbot.waitSignals([chooser.chosen, chooser.guideChanged]):
        chooser.buttons["20×"].click()
    assert chooser.value() == TWENTY
    assert chooser.edit.origin() == "chosen here"


def test_a_number_can_be_typed_for_each_axis(chooser: PixelSizeChooser, qtbot) -> None:
    seen: list[PixelSize] = []
    chooser.chosen.connect(seen.append)
    qtbot.keyClicks(chooser.edit._y, "0.5")
    assert seen[-1] == TWENTY
    chooser.edit._x.clear()
    qtbot.keyClicks(chooser.edit._x, "0.25")
    assert seen[-1] == PixelSize(0.5, 0.25)
    chooser.edit._x.clear()
    qtbot.keyClicks(chooser.edit._x, "900")
    assert seen[-1] != PixelSize(0.5, 900)
    assert chooser.hint.isVisibleTo(chooser)


def test_setting_a_value_is_no_choice(chooser: PixelSizeChooser, qtbot) -> None:
    with qtbot.assertNotEmitted(chooser.chosen):
        chooser.setValue(TEN)
        chooser.setValue(None)


def test_what_is_drawn(chooser: PixelSizeChooser, qtbot) -> None:
    assert chooser.guide() is None
    with qtbot.waitSignal(chooser.guideChanged):
        chooser.show_guide.setChecked(True)
    assert chooser.guide() == (TWENTY, " at 20×?")  # a guess, and it says so
    chooser.setValue(TEN)
    assert chooser.guide() == (TEN, "")
    chooser.setEnabled(False)
    assert chooser.guide() is None


def test_pointing_at_a_button_draws_what_it_means(chooser: PixelSizeChooser, qtbot) -> None:
    chooser.show_guide.setChecked(True)
    chooser.setValue(TEN)
    with qtbot.waitSignal(chooser.guideChanged):
        point(chooser, "40×", QEvent.Type.Enter)
    assert chooser.guide() == (PixelSize.isotropic(0.25), " at 40×?")
    assert chooser.value() == TEN
    with qtbot.waitSignal(chooser.guideChanged):
        point(chooser, "40×", QEvent.Type.Leave)
    assert chooser.guide() == (TEN, "")
    chooser.show_guide.setChecked(False)
    with qtbot.assertNotEmitted(chooser.guideChanged):
        point(chooser, "40×", QEvent.Type.Enter)


def test_there_is_one_way_to_choose_a_magnification(chooser: PixelSizeChooser) -> None:
    assert not chooser.edit._button.isVisibleTo(chooser)


def test_nothing_is_drawn_while_another_tab_is_in_front(qtbot) -> None:
    chooser = PixelSizeChooser()
    tabs = QTabWidget()
    qtbot.addWidget(tabs)
    tabs.addTab(chooser, "Open")
    tabs.addTab(QWidget(), "Segment")
    chooser.show_guide.setChecked(True)
    tabs.show()
    assert chooser.guide() is not None
    with qtbot.waitSignal(chooser.guideChanged):
        tabs.setCurrentIndex(1)
    assert chooser.guide() is None
    with qtbot.waitSignal(chooser.guideChanged):
        tabs.setCurrentIndex(0)
    assert chooser.guide() is not None


def test_without_an_image_nothing_is_said_about_its_file(qtbot) -> None:
    chooser = PixelSizeChooser()
    qtbot.addWidget(chooser)
    chooser.setEnabled(False)
    chooser.setValue(None)
    assert not chooser.hint.isVisibleTo(chooser)
    chooser.setEnabled(True)
    chooser.setValue(None)
    assert chooser.hint.isVisibleTo(chooser)
