"""Labels for whole sentences."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QContextMenuEvent, QGuiApplication
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMenu

from napari_selfreg.widgets.sentence_label import breakable, sentence_label

NAME = "S26-0012345_A1_HE_level_3_sigmoid_colon_biopsy_fragment_2_of_5_rescanned_0.png"
SENTENCE = f"Segmenting {NAME} (1 of 3)…"


def test_a_sentence_wraps_and_can_be_copied(qtbot):
    label = sentence_label("The image does not say how large its pixels are.")
    qtbot.addWidget(label)
    assert label.heightForWidth(80) > label.heightForWidth(800)
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    assert sentence_label().text() == ""


@pytest.mark.parametrize("words", [SENTENCE, f"Project <b>{NAME}</b>", "x" * 300])
def test_no_long_name_makes_a_panel_wide(qtbot, words: str) -> None:
    label = sentence_label()
    qtbot.addWidget(label)
    label.setText(words)
    assert label.text() == words
    assert label.minimumSizeHint().width() < 250
    assert label.heightForWidth(250) > label.heightForWidth(2500)


def test_only_long_words_are_broken_and_no_tags() -> None:
    assert breakable("a_b/c fields.csv beside_the_summary.csv") == (
        "a_b/c fields.csv beside_\u200bthe_\u200bsummary.\u200bcsv"
    )
    tag = '<span style="color: #ffffff; background-color: #000000">'
    assert breakable(f"{tag}●</span>&nbsp;new") == f"{tag}●</span>&nbsp;new"
    assert breakable(SENTENCE).replace("\u200b", "") == SENTENCE


def test_a_name_that_is_copied_is_the_name(qtbot) -> None:
    label = sentence_label(SENTENCE)
    qtbot.addWidget(label)
    label.resize(250, 100)
    label.show()
    QTest.mouseClick(label, Qt.MouseButton.LeftButton)  # begins with the keys
    QTest.keyClick(label, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert label.selectedText() == SENTENCE
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == SENTENCE


def test_so_is_one_that_is_copied_with_the_mouse(qtbot) -> None:
    label = sentence_label(SENTENCE)
    qtbot.addWidget(label)
    label.show()
    place = QPoint(5, 5)
    label.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, place))
    menu = label.findChild(QMenu)
    copy, everything = menu.actions()
    assert not copy.isEnabled()
    everything.trigger()
    assert label.selectedText() == SENTENCE
    menu.close()
    label.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, place))
    assert copy.isEnabled()
    copy.trigger()
    assert QGuiApplication.clipboard().text() == SENTENCE
    menu.close()


def test_lines_are_copied_as_lines(qtbot) -> None:
    label = sentence_label("One line\nand another")
    qtbot.addWidget(label)
    label._select_all()
    assert label.selectedText() == "One line\nand another"


def test_what_a_screen_reader_says_and_what_is_cleared(qtbot) -> None:
    label = sentence_label(f"Project <b>{NAME}</b>")
    qtbot.addWidget(label)
    assert label.accessibleName() == f"Project {NAME}"
    label.clear()
    assert (label.text(), label.accessibleName()) == ("", "")
