from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from qtpy.QtWidgets import QLabel, QScrollArea

from napari_selfreg.engine import finetune_types
from napari_selfreg.widgets.finetune.advanced import TuneAdvanced, TuneOptions
from napari_selfreg.widgets.finetune.form import TuneForm


@pytest.fixture
def box(qtbot) -> TuneAdvanced:
    box = TuneAdvanced()
    qtbot.addWidget(box)
    return box


@pytest.mark.parametrize(
    "options",
    [
        TuneOptions(),
        TuneOptions("decoder", 0.015, 0.0, 0.25, 7, "cpu", True),
        TuneOptions("head_norms", 0.0, 0.02, 0.0, 0),
    ],
)
def test_settings_come_back_as_they_were_given(box, options) -> None:
    box.setValue(options)
    assert box.value() == options


def test_no_explanation_is_as_pale_as_what_cannot_be_used(box) -> None:
    labels = box.content().findChildren(QLabel)
    assert [each.text() for each in labels if each.text().endswith(".")]
    assert all(each.isEnabledTo(box) for each in labels)


def test_it_is_folded_and_leaves_the_regularizers_as_usual(box) -> None:
    assert not box.isExpanded()
    assert box.value() == TuneOptions()
    assert box.scr.text() == box.stay_close.text() == "usual"


def test_a_step_up_from_the_usual_is_nothing(box) -> None:
    for weight in (box.scr, box.ifd, box.stay_close):
        weight.stepUp()
        assert weight.value() == 0
    assert (box.value().lambda_scr, box.value().stay_close) == (0, 0)
    box.setValue(TuneOptions(stay_close=0.35))
    assert box.value().stay_close == 0.35


def test_every_setting_has_a_sentence(box) -> None:
    sentences = [label.text() for label in box.findChildren(QLabel) if label.text().endswith(".")]
    assert len(sentences) == 7


def test_what_is_usual_for_stay_close_is_what_a_run_takes(box) -> None:
    table = finetune_types._STAY_CLOSE
    pulls = [f"{pull:g}" for _, pull in table]
    limits = [f"{below:,}" for below, _ in table if math.isfinite(below)]
    (said,) = [
        label.text() for label in box.findChildren(QLabel) if "Higher forgets less" in label.text()
    ]
    page = Path(__file__).parents[3] / "docs" / "fine-tune.md"
    (row,) = [line for line in page.read_text().splitlines() if line.startswith("| Stay close")]
    for text in (said, row):
        usual = re.findall(r"\d[\d.,]*\d", text.partition("Usual:")[2])
        assert [number for number in usual if "." in number] == pulls
        assert [number for number in usual if "," in number] == limits


def test_no_sentence_is_cut(box, qtbot) -> None:
    area = QScrollArea()
    qtbot.addWidget(area)
    area.setWidgetResizable(True)
    area.setWidget(box)
    area.resize(330, 500)
    area.show()
    box.toggleButton().click()
    sentences = [label for label in box.findChildren(QLabel) if label.text().endswith(".")]
    qtbot.waitUntil(lambda: all(x.height() >= x.heightForWidth(x.width()) for x in sentences))
    assert any(x.height() > 1.5 * x.fontMetrics().height() for x in sentences)
    area.takeWidget()


def test_a_change_is_told(box, qtbot) -> None:
    for change in (
        lambda: box.what.setCurrentIndex(1),
        lambda: box.scr.setValue(0.1),
        lambda: box.ifd.setValue(0.1),
        lambda: box.stay_close.setValue(0.5),
        lambda: box.seed.setValue(3),
        lambda: box.device.setValue("cpu"),
        lambda: box.blocks.setChecked(True),
    ):
        with qtbot.waitSignal(box.valueChanged):
            change()


def test_the_form_tells_minutes(qtbot) -> None:
    form = TuneForm({})
    qtbot.addWidget(form)
    with qtbot.waitSignal(form.valueChanged):
        form.minutes.setValue(3.0)
    form.minutes.setValue(0)
    assert form.minutes.value() > 0
