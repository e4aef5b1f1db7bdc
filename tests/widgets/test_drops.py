from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_selfreg.widgets.drops import DropFilter, is_ours
from tests.widgets.open_steps import drop


class Taking(QWidget):
    """A widget that takes every drop itself, as napari's canvas does."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.dropped = 0

    def dragEnterEvent(self, event) -> None:
        event.accept()

    def dropEvent(self, event) -> None:
        self.dropped += 1
        event.accept()


@pytest.fixture
def taken() -> list[list[Path]]:
    return []


@pytest.fixture
def canvas(qtbot, taken: list[list[Path]]) -> Iterator[Taking]:
    window = QWidget()
    qtbot.addWidget(window)
    canvas = Taking()
    QVBoxLayout(window).addWidget(canvas)
    DropFilter(taken.append, window).watch_window(window)
    yield canvas
    del window  # it owns the canvas


def test_files_of_ours_are_taken(canvas: Taking, taken, tmp_path: Path) -> None:
    paths = [tmp_path / "a.PNG", tmp_path / "b.svs", tmp_path]
    assert drop(canvas, *paths) == (True, True)
    assert taken == [paths]
    assert canvas.dropped == 0


@pytest.mark.parametrize("names", [["table.csv"], ["a.png", "table.csv"]])
def test_other_files_are_left_to_the_widget(canvas: Taking, taken, names, tmp_path: Path) -> None:
    assert drop(canvas, *(tmp_path / name for name in names)) == (True, True)
    assert taken == []
    assert canvas.dropped == 1


@pytest.mark.parametrize(
    "held", [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier]
)
def test_a_stack_and_a_choice_of_readers_stay_naparis(canvas: Taking, taken, held) -> None:
    drop(canvas, Path("a.png"), modifiers=held)
    assert taken == []
    assert canvas.dropped == 1


def test_a_widget_without_drops_of_its_own_takes_ours_only(qtbot, taken, tmp_path: Path) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    DropFilter(taken.append, widget).watch(widget)
    assert drop(widget, tmp_path / "model.safetensors") == (True, True)
    assert drop(widget, tmp_path / "table.csv") == (False, False)
    assert taken == [[tmp_path / "model.safetensors"]]


def test_web_addresses_are_not_ours(tmp_path: Path) -> None:
    assert is_ours(tmp_path)
    assert is_ours(Path("slide.mrxs"))
    assert is_ours(Path("slide.dcm"))
    assert not is_ours(Path("notes.txt"))


def test_a_filter_that_is_being_taken_apart_takes_nothing(qtbot, tmp_path: Path) -> None:
    widget = Taking()
    qtbot.addWidget(widget)
    taken: list[list[Path]] = []
    drops = DropFilter(taken.append, widget)
    drops.watch(widget)
    vars(drops).clear()  # what PySide does first when it closes a panel
    drop(widget, tmp_path)
    assert taken == []
    assert widget.dropped == 1
