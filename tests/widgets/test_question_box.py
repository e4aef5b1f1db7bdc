from __future__ import annotations

from napari_selfreg.widgets.question_box import QuestionBox


class _Asked(QuestionBox):
    def __init__(self) -> None:
        super().__init__()
        self.yes, self.no = self._offer("Yes", "Do it"), self._offer("No")


def test_an_answer_closes_the_question_before_anybody_hears(qtbot) -> None:
    box = _Asked()
    qtbot.addWidget(box)
    assert box.isHidden()
    heard: list[bool] = []
    box.yes.clicked.connect(lambda: heard.append(box.isHidden()))
    for button in (box.yes, box.no):
        box.show()
        button.click()
        assert box.isHidden()
    assert heard == [True]
    assert (box.yes.text(), box.yes.toolTip()) == ("Yes", "Do it")
