from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_selfreg.widgets.finetune.job import TuneRequest
from napari_selfreg.widgets.finetune.source import ProjectCorrections
from napari_selfreg.widgets.finetune.verdict_view import ADVICE, HEADLINES, VerdictView
from tests.widgets.fakes import write_model
from tests.widgets.finetune.cases import result_of, verdicts


@pytest.fixture
def result(project, tmp_path: Path):
    request = TuneRequest(ProjectCorrections(project), (), write_model(tmp_path), None, 1)
    return result_of(request)


@pytest.fixture
def view(qtbot) -> VerdictView:
    view = VerdictView()
    qtbot.addWidget(view)
    return view


def test_scores_are_rounded_once_as_in_the_legend_of_the_curves(view, result) -> None:
    view.show_result(replace(result, base_scores=(0.979496,), tuned_scores=(0.974496,)))
    assert "0.979 before, 0.974 after" in view.sentence.text()


@pytest.mark.parametrize("kind", ["better", "no difference", "worse", "cannot tell"])
def test_every_verdict_is_said_in_words_with_advice(view, result, kind) -> None:
    made = verdicts()[kind]
    assert made.kind == kind
    view.show_result(replace(result, verdict=made))
    assert not view.isHidden()
    assert view.headline.text() == HEADLINES[kind]
    assert view.advice.text().startswith(ADVICE[kind])
    assert "points of Dice" in view.sentence.text()
    assert "0.700 before, 0.800 after" in view.sentence.text()


def test_nothing_compared_has_no_scores(view, result) -> None:
    view.show_result(replace(result, base_scores=(), tuned_scores=()))
    assert "before" not in view.sentence.text()


def test_the_buttons_ask(view, qtbot) -> None:
    for button, signal in (
        (view.use_button, view.useWanted),
        (view.keep_button, view.keepWanted),
        (view.longer_button, view.longerWanted),
    ):
        with qtbot.waitSignal(signal):
            button.click()


def test_what_is_in_use_cannot_be_used_again(view) -> None:
    view.show_use(True)
    assert not view.use_button.isEnabled()
    view.show_use(False)
    assert view.use_button.isEnabled()
