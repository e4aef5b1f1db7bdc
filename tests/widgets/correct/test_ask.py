from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from napari_selfreg.widgets.correct.ask import (
    ask_copy,
    ask_image,
    ask_other_image,
    ask_project,
    ask_to_go_on,
)


@pytest.fixture
def parent(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize(("reply", "answer"), [("", None), ("/a/b", Path("/a/b"))])
def test_folders_and_files(
    parent: QWidget, monkeypatch: pytest.MonkeyPatch, reply: str, answer: Path | None
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: reply)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (reply, ""))
    assert ask_project(parent, Path()) == answer
    assert ask_copy(parent, Path()) == answer
    assert ask_image(parent, Path(), "field 1.png") == answer


@pytest.mark.parametrize("accepted", [True, False])
def test_another_image(parent: QWidget, monkeypatch: pytest.MonkeyPatch, accepted: bool) -> None:
    buttons = QMessageBox.StandardButton
    reply = buttons.Yes if accepted else buttons.No
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *a: asked.append(a[2]) or reply)
    assert ask_other_image(parent, "It differs.") is accepted
    assert "It differs." in asked[0]


@pytest.mark.parametrize(
    ("words", "meant"),
    [("Go on with them", "go on"), ("Start anew with this result", "anew"), ("Cancel", None)],
)
def test_going_on_with_earlier_corrections(
    parent: QWidget, monkeypatch: pytest.MonkeyPatch, words: str, meant: str | None
) -> None:
    def answer(box: QMessageBox) -> int:
        assert "ward 3" in box.text()
        next(each for each in box.buttons() if each.text().replace("&", "") == words).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    assert ask_to_go_on(parent, "ward 3") == meant


def press_escape(box: QMessageBox) -> None:
    QTest.keyClick(box, Qt.Key.Key_Escape)


@pytest.mark.parametrize("leave", [press_escape, QMessageBox.close])
def test_leaving_the_question_starts_nothing(
    parent: QWidget, qtbot, leave: Callable[[QMessageBox], object]
) -> None:
    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        leave(box)

    QTimer.singleShot(50, answer)
    assert ask_to_go_on(parent, "ward 3") is None
