from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.widgets.inside.numbers_table import CKA, COLUMNS, NumbersTable
from tests.widgets.inside.fakes import BLOCKS
from tests.widgets.inside.test_fields_job import MEASURED


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


def test_the_table_shows_means_and_tells_the_interval(qtbot) -> None:
    table = NumbersTable()
    qtbot.addWidget(table)
    table.setMeans(MEASURED)
    assert table.item(0, 0).text() == "0.50"
    assert "a: 0.500 (0.250 to 0.750)" in table.item(0, 0).toolTip()
    assert table.item(0, 1).text() == "–"  # not measured


@pytest.fixture
def table(qtbot) -> NumbersTable:
    made = NumbersTable()
    qtbot.addWidget(made)
    return made


def column(title: str) -> int:
    return [each.title for each in COLUMNS].index(title)


def test_every_column_says_what_it_is(table, looked) -> None:
    table.setNumbers(("a", "b"), [each.numbers for each in looked.insides], looked.alike)
    for place, each in enumerate((*COLUMNS, CKA)):
        head = table.horizontalHeaderItem(place)
        assert (head.text(), head.toolTip()) == (each.title, each.tip)
    rows = [table.verticalHeaderItem(row).text() for row in range(table.rowCount())]
    assert rows == list(BLOCKS)


def test_each_number_stands_where_it_belongs(table, looked) -> None:
    numbers = looked.insides[0].numbers
    table.setNumbers(("a",), [numbers], {})
    for row, block in enumerate(BLOCKS):
        for place, each in enumerate(COLUMNS):
            value = getattr(numbers[block], each.field)
            assert table.item(row, place).text() == f"{value:.{each.digits}f}"
            assert float(table.item(row, place).toolTip().rsplit("a: ")[1]) == pytest.approx(
                value, abs=0.06
            )


def test_a_tip_has_a_digit_more_than_the_table(table, looked) -> None:
    table.setNumbers(("a",), [looked.insides[0].numbers], {})
    distance = looked.insides[0].numbers["E1"].scr_distance
    assert f"a: {distance:.3f}" in table.item(0, column("SCR")).toolTip()
    assert table.item(0, column("Dead")).toolTip().endswith("a: 0")  # a count has none


def test_a_block_of_one_model_has_a_dash_for_the_other(table, looked) -> None:
    first, second = (dict(each.numbers) for each in looked.insides)
    second.pop("E1")
    table.setNumbers(("a", "b"), [first, second], {"E2": 0.5})
    assert table.item(0, 0).text().endswith("\n–")
    assert table.item(0, len(COLUMNS)).text() == "–"
    assert table.item(1, len(COLUMNS)).text() == "0.50"
    assert table.rowCount() == len(BLOCKS)


def test_all_rows_are_in_view_whatever_was_shown_before(table, looked) -> None:
    numbers = [each.numbers for each in looked.insides]
    table.setNumbers(("a", "b"), numbers, looked.alike)
    high = table.height()
    rows = sum(table.rowHeight(row) for row in range(table.rowCount()))
    assert high >= rows + table.horizontalHeader().sizeHint().height()
    table.setNumbers(("a",), numbers[:1], {})
    assert table.height() < high


def test_no_number_of_two_models_is_cut_in_a_narrow_panel(table) -> None:
    numbers = {"E1": BlockNumbers("E1", 64, 0.28, -0.02, 49.9, 64, 0.523, 2.584)}
    table.setNumbers(("a", "b"), [numbers, numbers], {"E1": 0.73})
    table.resize(310, table.height())
    table.show()
    letters = table.fontMetrics()
    for place in range(table.columnCount()):
        wide = max(letters.horizontalAdvance(t) for t in table.item(0, place).text().split("\n"))
        assert wide + 6 <= table.columnWidth(place)


def test_dead_channels_of_many_fields_have_a_mean(table) -> None:
    table.setMeans(MEASURED)
    assert "a: 1.00 (0.00 to 2.00)" in table.item(0, column("Dead")).toolTip()


def test_screen_and_file_round_alike(table) -> None:
    numbers = {"E1": BlockNumbers("E1", 64, 0.999, -0.004, 9.96, 3, 0.0049, 12.3456)}
    table.setNumbers(("a",), [numbers], {})
    assert [table.item(0, place).text() for place in range(len(COLUMNS))] == [
        "1.00",
        "0.00",
        "10.0",
        "3",
        "0.00",
        "12.35",
    ]
    assert table.item(0, column("SCR")).toolTip().endswith("a: 0.005")


def test_nothing_measured_leaves_an_empty_table(table) -> None:
    table.setNumbers(("a",), [{}], {})
    assert table.rowCount() == 0
    assert table.height() > 0


def test_numbers_are_read_not_changed(table, looked, qtbot) -> None:
    table.setNumbers(("a",), [looked.insides[0].numbers], {})
    before = table.item(0, 0).text()
    table.show()
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    qtbot.keyClicks(table.viewport(), "7")
    assert table.item(0, 0).text() == before
    assert not table.selectedItems()
