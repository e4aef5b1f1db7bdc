from __future__ import annotations

import pytest

from napari_selfreg.widgets.correct.project_box import NONE, START, ProjectBox
from napari_selfreg.widgets.correct.review import DONE, NOT_DONE, ReviewBox
from napari_selfreg.widgets.correct.tool_box import ObjectBox, ToolBox


def test_a_tool_shows_what_belongs_to_it(qtbot) -> None:
    box = ToolBox()
    qtbot.addWidget(box)
    box.show_tool("wand", 30)
    assert [name for name, each in box.buttons.items() if each.isChecked()] == ["wand"]
    assert not box.tolerance.isHidden()
    assert box.size_slider.isHidden()
    box.show_tool("cut", 30)
    assert box.tolerance.isHidden()
    assert not box.size_slider.isEnabled()
    box.show_tool("brush", 30)
    assert box.size_slider.isEnabled()
    assert box.size_slider.value() == 30
    box.show_tool(None, 30)
    assert not any(each.isChecked() for each in box.buttons.values())


def test_choosing_a_tool_tells_its_name(qtbot) -> None:
    box = ToolBox()
    qtbot.addWidget(box)
    sizes = []
    box.size_slider.valueChanged.connect(sizes.append)
    for name, each in box.buttons.items():
        with qtbot.waitSignal(box.chosen) as signal:
            each.click()
        assert signal.args == [name]
    box.show_tool("brush", 50)
    assert sizes == []  # showing a size is not choosing one


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "No object chosen"), (1, "1 object chosen"), (3, "3 objects chosen")],
)
def test_buttons_follow_the_number_of_chosen_objects(qtbot, count: int, words: str) -> None:
    box = ObjectBox()
    qtbot.addWidget(box)
    box.setChosen(count)
    assert box.title.text() == words
    assert box.delete_button.isEnabled() is (count > 0)
    assert box.merge_button.isEnabled() is (count > 1)
    assert box.next_button.isEnabled()


def test_classes_are_shown_where_there_is_a_choice(qtbot) -> None:
    box = ObjectBox()
    qtbot.addWidget(box)
    box.setClasses(("gland",))
    assert box.classes.isHidden()
    box.setClasses(("gland", "other"))
    assert not box.classes.isHidden()
    assert [box.classes.itemText(i) for i in range(2)] == ["gland", "other"]


def test_what_was_reviewed_in_words(qtbot) -> None:
    box = ReviewBox()
    qtbot.addWidget(box)
    box.show_state(0, done=False)
    assert "Nothing reviewed" in box.title.text()
    box.show_state(2, done=False)
    assert box.title.text().startswith("2 reviewed regions")
    assert box.done_button.text() == DONE
    box.show_state(1, done=True)
    assert box.done_button.text() == NOT_DONE


def test_without_a_project_one_can_be_made_or_opened(qtbot) -> None:
    box = ProjectBox()
    qtbot.addWidget(box)
    assert box.title.text() == NONE
    assert box.start_button.text() == START
    assert box.close_button.isHidden()
    assert not box.open_button.isHidden()
    box.setNotice("The disk is full.", copy=True)
    assert box.notice.text().endswith("The disk is full.")
    assert not box.copy_button.isHidden()
    box.setNotice("")
    assert box.notice.isHidden()
    assert box.copy_button.isHidden()
