from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_selfreg.engine.finetune_types import MINUTES
from napari_selfreg.widgets.finetune.form import TuneForm
from tests.widgets.fakes import write_model


@pytest.fixture
def form(qtbot, tmp_path: Path) -> TuneForm:
    names = ("one", "two")
    made = TuneForm({name: write_model(tmp_path, name=name, title=name) for name in names})
    qtbot.addWidget(made)
    made.base_picker.offer(None)
    return made


def test_it_begins_with_what_needs_no_thought(form) -> None:
    assert form.minutes.value() == MINUTES
    assert form.minutes.suffix().strip() == "min"
    assert not form.advanced.isExpanded()
    assert form.base_picker.value().card.name == "one"


def test_another_model_is_told(form, qtbot) -> None:
    with qtbot.waitSignal(form.valueChanged):
        form.base_picker.setCurrentIndex(1)
    assert form.base_picker.value().card.name == "two"


def test_another_setting_under_advanced_is_told(form, qtbot) -> None:
    with qtbot.waitSignal(form.valueChanged):
        form.advanced.seed.setValue(5)


def test_no_wheel_that_passes_changes_the_time_or_the_model(form, qtbot) -> None:
    form.show()
    for widget in (form.minutes, form.base_picker):
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(widget.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        widget.clearFocus()
        QApplication.sendEvent(widget, event)
    assert form.minutes.value() == MINUTES
    assert form.base_picker.currentIndex() == 0


def test_what_screen_readers_say(form) -> None:
    assert form.minutes.accessibleName() == "Minutes"
    assert form.base_picker.accessibleName() == "Start from"
