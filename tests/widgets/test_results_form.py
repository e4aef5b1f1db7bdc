"""What the Results panel shows before anything is done with it."""

from __future__ import annotations

from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QAbstractButton

from napari_selfreg.widgets.results_form import ResultsForm
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
