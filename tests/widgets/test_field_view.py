from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QStyleOptionViewItem

from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_view import MARKS, FieldView, second_line

FACTS = FieldFacts((224, 300), None, np.full((40, 80, 3), (10, 200, 30), np.uint8))


@pytest.fixture
def fields(qapp, tmp_path: Path) -> FieldList:
    made = FieldList()
    made.add([tmp_path / f"{name}.png" for name in "abc"])
    return made


@pytest.fixture
def view(fields: FieldList, qtbot) -> FieldView:
    made = FieldView(fields)
    qtbot.addWidget(made)
    return made


def texts(view: FieldView) -> list[str]:
    return [view.item(row).text() for row in range(view.count())]


def test_every_field_has_a_row_with_name_and_state(view: FieldView, fields: FieldList) -> None:
    assert texts(view) == [f"{name}.png\n○ new" for name in "abc"]
    fields.add([Path("d.tif")])
    fields.remove([fields[0]])
    assert [text.split("\n")[0] for text in texts(view)] == ["b.png", "c.png", "d.tif"]


def test_a_row_follows_its_field(view: FieldView, fields: FieldList) -> None:
    fields.update(fields[1], facts=FACTS, state="segmented")
    assert texts(view)[1] == "b.png\n◐ segmented · 224 × 300 px".replace("224 × 300", "300 × 224")
    picture = view.item(1).icon().pixmap(44, 44).toImage()
    centre = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    assert (centre.red(), centre.green(), centre.blue()) == (10, 200, 30)
    fields.update(fields[1], problem="b.png is empty.")
    assert texts(view)[1] == "b.png\n⚠ is empty."
    assert "b.png is empty." in view.item(1).toolTip()


def test_what_is_going_on_comes_first() -> None:
    field = Field(Path("a.png"), problem="It was damaged.", running=True)
    assert second_line(field) == "… being segmented"
    field.running = False
    assert second_line(field) == "⚠ It was damaged."


def test_a_long_name_loses_its_middle_a_long_sentence_its_end(
    view: FieldView, fields: FieldList
) -> None:
    fields.add([Path(f"{'long' * 30}.png")])
    fields.update(fields[3], problem="Copy it again from its source." * 9)
    view.resize(300, 300)
    option = QStyleOptionViewItem()
    option.initFrom(view)
    option.widget = view
    view.itemDelegate().initStyleOption(option, view.model().index(3, 0))
    name, sentence = option.text.splitlines()
    assert name.startswith("long")
    assert name.endswith(".png")
    assert "…" in name
    assert sentence.startswith("⚠ Copy it again")
    assert sentence.endswith("…")


def test_states_differ_without_colour() -> None:
    assert len(set(MARKS.values())) == 4


def test_choosing_a_row_shows_its_field(view: FieldView, fields: FieldList, qtbot) -> None:
    view.setCurrentRow(2)
    assert fields.current is fields[2]
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert fields.current is fields[1]


def test_the_list_follows_the_current_field(view: FieldView, fields: FieldList) -> None:
    assert view.currentRow() == -1
    fields.set_current(fields[1])
    assert view.currentRow() == 1
    fields.add([Path("z.png")])
    assert view.currentRow() == 1
    fields.set_current(None)
    assert view.currentRow() == -1


def test_its_height_follows_the_number_of_fields(view: FieldView, fields: FieldList) -> None:
    few = view.sizeHint().height()
    fields.add([Path(f"{number}.png") for number in range(50)])
    assert few < view.sizeHint().height() < 400
