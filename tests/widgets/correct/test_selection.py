"""Which objects are chosen, in which order, and how long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.correct import selection as module
from napari_selfreg.widgets.correct.selection import Selection
from tests.widgets.results_steps import squares


class Desk(QObject):
    """What a selection needs of the desk."""

    linkChanged = Signal()
    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.link: Any = SimpleNamespace(layer="layer", labels=squares())
        self.panel: Any = None


class Filled:
    """Notes what is filled in the picture."""

    def __init__(self, *_: Any) -> None:
        self.ids: list[int] = []

    def mark(self, layer: Any, index: np.ndarray) -> None:
        self.ids = index.tolist()

    def clear(self) -> None:
        self.ids = []


@pytest.fixture
def chosen(qtbot, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "Marks", Filled)
    desk = Desk()
    desk.panel = QWidget()
    qtbot.addWidget(desk.panel)
    return Selection(None, desk, desk.panel), desk


def edit(*ids: int) -> SimpleNamespace:
    return SimpleNamespace(ids=ids)


def test_background_is_never_chosen_and_nothing_twice(chosen: Any) -> None:
    selection, _ = chosen
    selection.set((3, 0, 1, 3))
    assert selection.ids == (3, 1)
    assert selection.marks.ids == [3, 1]


def test_another_field_begins_without_a_choice(chosen: Any) -> None:
    selection, desk = chosen
    selection.set((1, 2))
    desk.link = None
    desk.linkChanged.emit()
    assert selection.ids == ()
    selection.set((1,))  # nothing is on show that could be filled
    assert selection.marks.ids == []


def test_an_object_that_is_gone_is_chosen_no_more(chosen: Any) -> None:
    selection, desk = chosen
    selection.set((2, 1, 3))
    desk.link.labels[desk.link.labels == 1] = 0
    desk.edited.emit((edit(1),))
    assert selection.ids == selection_marks(selection) == (2, 3)


def selection_marks(selection: Selection) -> tuple[int, ...]:
    return tuple(selection.marks.ids)


def test_edits_elsewhere_are_not_looked_at(chosen: Any) -> None:
    selection, desk = chosen
    selection.set((1,))
    told: list[int] = []
    selection.changed.connect(lambda: told.append(1))
    desk.edited.emit((edit(4, 5),))
    desk.edited.emit(())
    assert told == []
    desk.edited.emit((edit(1),))  # its outline is another now
    assert told == [1]
    assert selection.ids == (1,)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 5)))
def test_toggling_is_that_of_a_set_in_order(chosen: Any, numbers: list[int]) -> None:
    selection, _ = chosen
    selection.clear()
    model: list[int] = []
    for number in numbers:
        selection.toggle(number)
        model = [n for n in model if n != number] if number in model else [*model, number]
        assert selection.ids == tuple(model)
