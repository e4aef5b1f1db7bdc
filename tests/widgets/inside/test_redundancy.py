from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QFileDialog

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.widgets.inside.looking import Looked, LookRequest, Source
from napari_selfreg.widgets.inside.matrices import Matrix, MatrixSettings, make_matrices
from napari_selfreg.widgets.inside.matrix_picture import MatrixPicture, matrix_image
from napari_selfreg.widgets.inside.numbers_table import COLUMNS, NumbersTable
from napari_selfreg.widgets.inside.redundancy_view import RedundancyView, is_measured
from napari_selfreg.widgets.layers import Picture
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import BLOCKS, inside_of, write_network
from tests.widgets.panel_steps import LONG

BOX = Box(4, 0, 60, 80)


@pytest.fixture
def looked(field: np.ndarray, tmp_path: Path) -> Looked:
    picture = Picture(field, (0, 1), (0, 0), (1.0, 1.0), True, name="slide 7")
    sources = tuple(
        Source(name, make_card(name=name), write_network(tmp_path, name)) for name in ("a", "b")
    )
    request = LookRequest(0, picture, BOX, PixelSize(0.5, 0.5), sources, ("a", "b"))
    insides = (
        inside_of(field, BOX, "a", numbers=True),
        inside_of(field, BOX, "b", numbers=True, channels=5),
    )
    return Looked(request, insides, dict.fromkeys(BLOCKS, 0.75))


def matrices(looked: Looked, **changes: Any) -> tuple[Matrix, ...]:
    return run(make_matrices(looked, MatrixSettings(**{"block": "D1", **changes})))


def test_there_is_one_square_per_model_with_ones_on_its_diagonal(looked) -> None:
    first, second = matrices(looked)
    assert (first.title, second.title) == ("a", "b")
    assert first.values.shape == (6, 6)
    np.testing.assert_allclose(np.diag(first.values), 1, atol=1e-3)
    assert sorted(first.channels) == list(range(6))


@pytest.mark.parametrize("order", ["ifd", "cluster", "network"])
def test_every_cell_belongs_to_its_channels_in_any_order(looked, order: str) -> None:
    (plain, _), (sorted_one, _) = matrices(looked, order="network"), matrices(looked, order=order)
    index = np.ix_(sorted_one.channels, sorted_one.channels)
    np.testing.assert_allclose(sorted_one.values, plain.values[index], atol=1e-6)


def test_halves_leave_out_the_last_of_an_odd_number(looked) -> None:
    made = matrices(looked, halves=True)
    assert [each.title for each in made] == [
        "a · first half",
        "a · second half",
        "b · first half",
        "b · second half",
    ]
    assert [len(each.channels) for each in made] == [3, 3, 2, 2]


def test_centred_opposites_are_minus_one(looked) -> None:
    (first, _) = matrices(looked, centred=True, order="network")
    assert first.values[0, 5] == pytest.approx(-1, abs=1e-3)


def test_colours_say_the_values() -> None:
    low, high = (
        matrix_image(np.full((2, 3), value), signed=False).pixelColor(0, 0) for value in (0.0, 1.0)
    )
    assert low.lightness() < high.lightness()
    middle = matrix_image(np.zeros((1, 1)), signed=True).pixelColor(0, 0)
    assert middle.lightness() > 230


def test_the_pointer_finds_its_cell(qtbot, looked) -> None:
    picture = MatrixPicture()
    qtbot.addWidget(picture)
    picture.resize(300, picture.heightForWidth(300))
    picture.setMatrices(matrices(looked, order="network"))
    first, second = picture._squares(picture.rect().toRectF())
    assert picture.cell_at(first.topLeft() + QPointF(1, 1)) == (0, 0, 0)
    assert picture.cell_at(second.bottomRight() - QPointF(1, 1)) == (1, 4, 4)
    assert picture.cell_at(QPointF(0, 0)) is None
    picture.show()
    qtbot.waitExposed(picture)
    place = first.topLeft() + QPointF(first.width() * 0.9, first.height() * 0.1)
    with qtbot.waitSignal(picture.cellEntered) as entered:
        qtbot.mouseMove(picture, place.toPoint())
    assert entered.args[0].startswith("Channels 0 and 5:")
    with qtbot.waitSignal(picture.cellClicked) as clicked:
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert clicked.args == [0, 5]


def test_the_table_shows_both_models_above_each_other(qtbot, looked) -> None:
    table = NumbersTable()
    qtbot.addWidget(table)
    numbers = [each.numbers for each in looked.insides]
    table.setNumbers(looked.request.names, numbers, looked.alike)
    assert table.rowCount() == len(BLOCKS)
    assert table.columnCount() == len(COLUMNS) + 1
    first = looked.insides[0].numbers["E1"].similarity
    second = looked.insides[1].numbers["E1"].similarity
    assert table.item(0, 0).text() == f"{first:.2f}\n{second:.2f}"
    assert "a: " in table.item(0, 0).toolTip()
    assert table.item(0, len(COLUMNS)).text() == "0.75"
    table.setNumbers(("a",), numbers[:1], {})
    assert table.columnCount() == len(COLUMNS)


@pytest.fixture
def view(qtbot, looked) -> RedundancyView:
    made = RedundancyView()
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.drawn, timeout=LONG):
        made.show_looked(looked)
    return made


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


def test_numbers_are_saved_with_where_they_come_from(view, looked, tmp_path: Path) -> None:
    view.save_as(tmp_path / "numbers.csv")
    assert view.status.text() == "Saved as numbers.csv."
    with (tmp_path / "numbers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["block"]) for row in rows] == [
        (name, block) for name in "ab" for block in BLOCKS
    ]
    assert float(rows[0]["similarity"]) == pytest.approx(
        looked.insides[0].numbers["E1"].similarity, rel=1e-4
    )
    assert rows[0]["image"] == "slide 7"
    assert (rows[0]["y0"], rows[0]["x1"], rows[0]["um_per_px"]) == ("4", "80", "0.5")
    assert len(rows[0]["model_sha256"]) == 12
    assert float(rows[0]["cka"]) == 0.75


def test_matrices_are_saved_as_picture_and_drawing(view, tmp_path: Path) -> None:
    view.save_as(tmp_path / "matrix.png")
    image = QImage(str(tmp_path / "matrix.png"))
    assert image.width() == 1600
    assert "slide 7" in image.text("Description")
    assert str(tmp_path) not in image.text("Description")
    view.save_as(tmp_path / "matrix.svg")
    drawing = (tmp_path / "matrix.svg").read_text("utf-8")
    assert "block D1, cosine of channels" in drawing
    assert "<text" in drawing  # editable


def test_another_suffix_and_a_missing_folder_are_told(view, tmp_path: Path) -> None:
    view.save_as(tmp_path / "numbers.xlsx")
    assert ".csv" in view.status.text()
    (tmp_path / "file").write_text("")
    view.save_as(tmp_path / "file" / "numbers.csv")
    assert "could not be written" in view.status.text()


def test_cleared_it_asks_for_a_look(view, looked) -> None:
    assert is_measured(looked)
    view.clear()
    assert not is_measured(view.looked)
    assert view.picture.matrices() == ()
    assert view.status.text().startswith("Press Show")
