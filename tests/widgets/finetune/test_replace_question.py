from __future__ import annotations

import pytest

from napari_selfreg.widgets.finetune.replace_question import ReplaceQuestion


@pytest.fixture
def asked(qtbot) -> tuple[ReplaceQuestion, list[str]]:
    question, said = ReplaceQuestion(), []
    qtbot.addWidget(question)
    question.keepWanted.connect(lambda: said.append("keep"))
    question.replaceWanted.connect(lambda: said.append("replace"))
    question.ask(3)
    return question, said


def test_it_says_what_would_be_lost(asked) -> None:
    question, said = asked
    assert not question.isHidden()
    assert question.text.text() == (
        "3 corrected fields are not reviewed: their corrections will be replaced."
    )
    question.ask(0)
    assert question.isHidden()
    assert said == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("keep_button", ["keep"]), ("replace_button", ["replace"]), ("no_button", [])],
)
def test_each_button_decides(asked, name: str, wanted: list[str]) -> None:
    question, said = asked
    getattr(question, name).click()
    assert said == wanted
    assert question.isHidden()
