"""What the Results panel shows before anything is done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QAbstractButton, QWidget

from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.results_form import ResultsForm
from tests.widgets.correct.steps import add_result_of_file
from tests.widgets.results_steps import add_objects


@pytest.fixture
def form(qtbot) -> Any:
    made = ResultsForm(ViewerModel())
    qtbot.addWidget(made)
    return made


def test_every_button_says_what_it_does(form: Any) -> None:
    buttons = form.findChildren(QAbstractButton)
    named = [each for each in buttons if each.text()]
    assert len(named) >= 8
    assert all(each.toolTip() for each in named)
    assert len({each.text() for each in named}) == len(named)


def test_importing_and_cancelling_need_no_result(form: Any) -> None:
    parts = form.with_result()
    assert form.import_button not in parts
    assert form.cancel_button not in parts
    assert form.save_button in parts


def test_nothing_jumps_when_cancelling_becomes_possible(form: Any) -> None:
    assert form.cancel_button.isHidden()
    before = form.sizeHint().height()
    form.cancel_button.show()
    form.progress_row.show()
    assert form.sizeHint().height() == before


def test_only_results_are_offered(qtbot) -> None:
    viewer = ViewerModel()
    form = ResultsForm(viewer)
    qtbot.addWidget(form)
    _, layer = add_objects(viewer)
    viewer.add_labels(layer.data.copy(), name="a mask of somebody")
    texts = [form.picker.itemText(index) for index in range(form.picker.count())]
    assert texts == ["field 1 spots"]


def offered(form: Any) -> list[str]:
    return [form.picker.itemText(index) for index in range(form.picker.count())]


def test_labels_of_a_person_are_offered_once_she_corrects_them(qtbot, tmp_path: Path) -> None:
    viewer, owner = ViewerModel(), QWidget()
    form = ResultsForm(viewer)
    for each in (form, owner):
        qtbot.addWidget(each)
    image, layer = add_result_of_file(viewer, tmp_path)
    viewer.add_labels(layer.data.copy(), name="mine", scale=image.scale, units=image.units)
    assert offered(form) == ["field 1 spots"]
    desk = ProjectDesk(viewer, owner)
    desk.start()
    assert offered(form) == ["field 1 spots", "mine"]
    assert form.picker.currentText() == "mine"
    form.picker.setValue(layer)
    desk.close()
    assert form.picker.currentText() == "field 1 spots"  # chosen by hand: not taken back
