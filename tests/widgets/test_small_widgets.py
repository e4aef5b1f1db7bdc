"""Pickers, progress, terms and guards, each alone."""

from __future__ import annotations

import sys

import pytest
from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QWidget

from napari_selfreg.io import terms
from napari_selfreg.widgets.area_picker import AreaPicker
from napari_selfreg.widgets.device_picker import DevicePicker
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.progress_row import ProgressRow, TimeLeft, in_words
from napari_selfreg.widgets.terms_notice import TermsNotice
from tests.widgets.fakes import make_card
from tests.widgets.waits import LONG


def test_the_area_is_the_whole_image_at_first(qtbot) -> None:
    picker = AreaPicker()
    qtbot.addWidget(picker)
    assert picker.value() == "whole"
    with qtbot.waitSignal(picker.valueChanged, timeout=LONG):
        picker._buttons["shapes"].click()
    assert picker.value() == "shapes"
    picker.setValue("view")
    assert picker._buttons["view"].isChecked()


@pytest.mark.parametrize(("platform", "graphics"), [("linux", "cuda"), ("darwin", "mps")])
def test_devices_of_the_platform(qtbot, monkeypatch, platform: str, graphics: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    picker = DevicePicker()
    qtbot.addWidget(picker)
    assert [picker.itemData(i) for i in range(picker.count())] == ["auto", "cpu", graphics]
    with qtbot.waitSignal(picker.valueChanged, timeout=LONG):
        picker.setValue(graphics)
    assert picker.value() == graphics


class TestProgress:
    def test_the_time_left_follows_the_pace(self) -> None:
        now = iter([0.0, 0.5, 10.0, 20.0]).__next__
        left = TimeLeft(clock=now)
        assert left.update(1, 11) is None  # starts the clock
        assert left.update(2, 11) is None  # too early
        assert left.update(3, 11) == pytest.approx(40)
        assert left.update(11, 11) == 0

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0, "about 1 s"), (59, "about 59 s"), (60, "about 1 min"), (5400, "about 2 h")],
    )
    def test_in_words(self, seconds: float, words: str) -> None:
        assert in_words(seconds) == words

    def test_the_bar_keeps_its_place(self, qtbot) -> None:
        row = ProgressRow()
        qtbot.addWidget(row)
        assert row.isHidden()
        assert row.sizePolicy().retainSizeWhenHidden()
        row.start()
        assert (row.minimum(), row.maximum()) == (0, 0)
        row.setProgress(3, 4)
        assert (row.value(), row.maximum()) == (3, 4)
        row.stop()
        assert row.isHidden()


class TestTerms:
    def test_shown_once_for_research_only_models(self, qtbot) -> None:
        card = make_card(research_only=True, terms="Only for research.")
        notice = TermsNotice()
        qtbot.addWidget(notice)
        notice.setCard(card)
        assert notice.pending
        assert "Only for research." in notice._text.text()
        with qtbot.waitSignal(notice.accepted, timeout=LONG):
            notice._button.click()
        assert not notice.pending
        assert not terms.needs_notice(card.name)
        notice.setCard(card)
        assert not notice.pending

    def test_what_was_read_in_another_panel_is_not_asked_again(self, qtbot) -> None:
        notice, other = TermsNotice(), TermsNotice()
        panel = QWidget()
        for each in (notice, other):
            qtbot.addWidget(each)
            each.setCard(make_card(research_only=True))
        notice.setParent(panel)
        qtbot.addWidget(panel)
        notice.setVisible(True)  # as it is behind another tab
        with qtbot.waitSignal(notice.accepted, timeout=LONG):
            other._button.click()  # whether the other panel is on show or not
        assert not notice.pending
        panel.show()
        assert notice.isHidden()

    def test_what_another_window_wrote_is_seen_when_shown(self, qtbot) -> None:
        notice, panel = TermsNotice(), QWidget()
        qtbot.addWidget(panel)
        card = make_card(research_only=True)
        notice.setCard(card)
        notice.setParent(panel)
        notice.setVisible(True)  # as it is behind another tab
        terms.remember(card.name)
        assert notice.pending
        with qtbot.waitSignal(notice.accepted, timeout=LONG):
            panel.show()
        assert not notice.pending
        assert not notice.isVisible()

    def test_other_models_need_none(self, qtbot) -> None:
        notice = TermsNotice()
        qtbot.addWidget(notice)
        notice.setCard(make_card())
        assert not notice.pending
        notice.setCard(None)
        assert notice.isHidden()


def test_the_wheel_changes_only_what_is_in_use(qtbot) -> None:
    combo = QComboBox()
    combo.addItems(["a", "b"])
    ignore_stray_wheel(combo)
    qtbot.addWidget(combo)
    combo.show()
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    combo.clearFocus()
    QApplication.sendEvent(combo, event)
    assert combo.currentText() == "a"


def test_progress_is_not_painted_before_the_window_comes_to_it(qtbot) -> None:
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.append(event)
            return False

    row, watch = ProgressRow(), Watch()
    qtbot.addWidget(row)
    row.installEventFilter(watch)
    row.start()
    qtbot.waitUntil(lambda: bool(painted))
    painted.clear()
    for done in range(10):
        row.setProgress(done, 10)
    assert not painted
    assert row.value() == 9
    qtbot.waitUntil(lambda: bool(painted))
