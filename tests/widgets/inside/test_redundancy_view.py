from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_selfreg.widgets.inside.matrices import MatrixSettings
from napari_selfreg.widgets.inside.redundancy_view import (
    NO_MATRICES,
    POINT,
    RedundancyView,
    is_measured,
)
from tests.widgets.inside.test_fields_job import MEASURED
from tests.widgets.waits import LONG


def test_settings_draw_again_and_a_click_asks_for_both_channels(view, qtbot) -> None:
    assert view.value() == MatrixSettings("D1")
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.blocks.setValue(("E2",))
        view.halves.setChecked(True)
    assert len(view.picture.matrices()) == 4
    with qtbot.waitSignal(view.pairWanted) as wanted:
        view.picture.cellClicked.emit(1, 4)
    assert wanted.args == ["E2", 1, 4]
    assert "channel 1 in blue" in view.cell.text()


def test_a_click_means_the_matrix_that_is_seen(view, qtbot) -> None:
    view.blocks.setValue(("E2",))  # its matrices are still to come
    with qtbot.waitSignal(view.pairWanted) as wanted:
        view.picture.cellClicked.emit(1, 4)
    assert wanted.args == ["D1", 1, 4]
    qtbot.waitUntil(lambda: not view.busy, timeout=LONG)


def test_the_kind_of_file_that_is_chosen_counts(view, tmp_path: Path, monkeypatch) -> None:
    def choose(*_: object) -> tuple[str, str]:
        return str(tmp_path / "redundancy.csv"), "Picture (*.png)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    view.save_button.click()
    picture = tmp_path / "redundancy.png"
    assert [path.name for path in tmp_path.glob("redundancy.*")] == [picture.name]
    picture.write_text("mine")
    view.save_button.click()
    assert picture.read_text() == "mine"
    assert "is there already" in view.status.text()


def test_cleared_it_asks_for_a_look(view, looked) -> None:
    assert is_measured(looked)
    view.clear()
    assert not is_measured(view.looked)
    assert view.picture.matrices() == ()
    assert view.status.text().startswith("Press Show")


def test_whose_numbers_stand_above_whose_is_said(view, qtbot, looked) -> None:
    assert view.about.text() == "Of each pair the upper number is of a, the lower of b."
    assert view.about.isVisibleTo(view)
    request = replace(looked.request, sources=looked.request.sources[:1], names=("a",))
    one = replace(looked, request=request, insides=looked.insides[:1], alike={})
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.show_looked(one)
    assert not view.about.isVisibleTo(view)
    assert len(view.picture.matrices()) == 1


def test_means_take_the_place_of_the_numbers_of_one_image(view, qtbot, looked) -> None:
    before = view.table.item(0, 0).text()
    view.show_fields(replace(MEASURED, notes=("One was left out.",)))
    assert view.table.item(0, 0).text() == "0.50" != before
    assert view.about.text() == "Means over 3 fields; point at one to see its interval."
    assert view.status.text() == "One was left out."
    assert len(view.picture.matrices()) == 2  # they are of the image still
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.show_looked(looked)
    assert view.table.item(0, 0).text() == before


def test_one_field_is_no_mean(view) -> None:
    view.show_fields(replace(MEASURED, n=1))
    assert view.about.text() == "The numbers of one field."


def test_the_table_of_fields_is_saved_but_there_may_be_no_matrices(qtbot, tmp_path: Path) -> None:
    alone = RedundancyView()
    qtbot.addWidget(alone)
    alone.show_fields(MEASURED)
    alone.save_as(tmp_path / "matrix.png")
    assert alone.status.text() == NO_MATRICES
    alone.save_as(tmp_path / "means.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["means.csv"]


def test_a_drawing_is_named_after_the_block_it_shows(view, qtbot, tmp_path: Path) -> None:
    view.blocks.setValue(("E2",))  # its matrices are still to come
    view.save_as(tmp_path / "matrix.svg")
    assert "block D1, cosine" in (tmp_path / "matrix.svg").read_text("utf-8")
    qtbot.waitUntil(lambda: not view.busy, timeout=LONG)
    view.save_as(tmp_path / "matrix.svg")
    assert "block E2, cosine" in (tmp_path / "matrix.svg").read_text("utf-8")


def test_matrices_of_an_earlier_look_are_dropped(view, qtbot) -> None:
    drawn: list[None] = []
    view.drawn.connect(lambda: drawn.append(None))
    view.blocks.setValue(("E2",))
    view._draw()  # it is under way
    view.clear()
    qtbot.waitUntil(lambda: not view.busy, timeout=LONG)
    assert drawn == []
    assert view.picture.matrices() == ()


def test_of_many_changes_only_the_last_one_is_drawn(view, qtbot) -> None:
    drawn: list[tuple[str, ...]] = []
    view.drawn.connect(lambda: drawn.append(view.blocks.value()))
    for block in ("E1", "E2", "B"):
        view.blocks.setValue((block,))
    qtbot.waitUntil(lambda: not view.busy, timeout=LONG)
    assert drawn == [("B",)]


def test_a_measure_of_both_signs_has_a_scale_of_both(view, qtbot) -> None:
    assert not view.picture._signed
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.measure.setCurrentIndex(1)
    assert view.picture._signed
    assert view.value().centred
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.order.setCurrentIndex(2)
    assert view.value().order == "network"


def test_what_the_pointer_says_goes_with_the_pointer(view) -> None:
    view.picture.cellEntered.emit("Channels 0 and 1: 0.50")
    assert view.cell.text() == "Channels 0 and 1: 0.50"
    view.picture.cellEntered.emit("")
    assert view.cell.text() == POINT


def test_nothing_is_drawn_or_asked_for_before_a_look(qtbot, tmp_path: Path) -> None:
    empty = RedundancyView()
    qtbot.addWidget(empty)
    empty.blocks.setBlocks(("E1", "D1"))
    empty.halves.setChecked(True)
    assert not empty.busy
    with qtbot.assertNotEmitted(empty.pairWanted):
        empty.picture.cellClicked.emit(0, 1)
    for part in (empty.picture, empty.table, empty.save_button, empty.about):
        assert not part.isVisibleTo(empty)
    assert not is_measured(None)


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("mine.svg", "Numbers (*.csv)", "mine.svg"),  # what a person typed counts
        ("mine", "Drawing (*.svg)", "mine.svg"),
        ("mine", "", "mine.csv"),
        ("redundancy.csv", "Numbers (*.csv)", "redundancy.csv"),
    ],
)
def test_a_name_gets_the_suffix_that_is_meant(
    view, tmp_path: Path, monkeypatch, name: str, chosen: str, expected: str
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), chosen))
    view.save_button.click()
    assert view.status.text() == f"Saved as {expected}."
    assert (tmp_path / expected).exists()


def test_no_file_is_no_fault(view, tmp_path: Path, monkeypatch) -> None:
    said = view.status.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    view.save_button.click()
    assert view.status.text() == said


def test_another_network_offers_its_own_blocks(view, qtbot, looked) -> None:
    view.blocks.setValue(("B",))
    for inside in looked.insides:
        inside.blocks.pop("B")
        inside.numbers.pop("B")
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.show_looked(looked)
    assert view.blocks.blocks() == ("E1", "E2", "D2", "D1")
    assert view.value().block == "D1"
    assert view.table.rowCount() == 4


def test_a_look_without_numbers_is_not_measured(looked) -> None:
    bare = replace(looked, insides=(looked.insides[0], replace(looked.insides[1], numbers={})))
    assert is_measured(looked)
    assert not is_measured(bare)


def test_a_saved_table_is_that_of_the_image_again_after_another_look(
    view, qtbot, looked, tmp_path: Path
) -> None:
    view.show_fields(MEASURED)
    view.save_as(tmp_path / "means.csv")
    with qtbot.waitSignal(view.drawn, timeout=LONG):
        view.show_looked(looked)
    view.save_as(tmp_path / "numbers.csv")
    heads = [(tmp_path / f"{name}.csv").read_text().split(",")[0] for name in ("means", "numbers")]
    assert heads == ["model", "block"]


def test_matrices_of_the_image_can_be_saved_beside_means(view, tmp_path: Path) -> None:
    view.show_fields(MEASURED)
    view.save_as(tmp_path / "matrix.svg")
    assert "slide 7" in (tmp_path / "matrix.svg").read_text("utf-8")


def test_a_click_is_told_until_the_pointer_says_something_else(view) -> None:
    view.picture.cellClicked.emit(0, 5)
    assert view.cell.text() == (
        "On the tissue: channel 0 in blue, 5 in yellow, green where both answer."
    )
    view.picture.cellEntered.emit("Channels 1 and 2: 0.10")
    assert view.cell.text().startswith("Channels 1")


def test_means_are_asked_for_with_a_button_that_appears_with_a_folder(view, qtbot) -> None:
    assert not view.fields_button.isVisibleTo(view)
    view.fields_button.show()
    with qtbot.waitSignal(view.fieldsWanted):
        view.fields_button.click()


def test_every_choice_is_explained_and_named(view) -> None:
    for box in (view.measure, view.order):
        assert box.accessibleName()
        for row in range(box.count()):
            assert box.itemText(row) in box.toolTip()
    assert "Figure 1c" in view.halves.toolTip()


def test_it_is_no_wider_than_a_dock(view) -> None:
    view.halves.setChecked(True)
    assert view.minimumSizeHint().width() <= 340
