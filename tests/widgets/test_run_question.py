from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_selfreg.core.cost import Cost
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.speeds import record_speed
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.run_question import RunQuestion, cost_of, describe_cost
from napari_selfreg.widgets.segment_job import PanelRequest
from tests.widgets.fakes import make_card
from tests.widgets.pictures import colour, shown


@pytest.fixture
def request_of_a_megapixel() -> PanelRequest:
    viewer, layer = shown(colour(10, 10))
    size = PixelSize.isotropic(1)
    box = Box(0, 0, 1000, 1000)
    return PanelRequest(picture_of(viewer, layer), box, None, size, Path("spots"), "cpu")


def test_time_comes_from_earlier_runs(request_of_a_megapixel: PanelRequest) -> None:
    card = make_card()
    guessed = cost_of(request_of_a_megapixel, card)
    record_speed("cpu", 1e7, 1.0)
    known = cost_of(request_of_a_megapixel, card)
    assert known.seconds < guessed.seconds
    eight = cost_of(replace(request_of_a_megapixel, tta=True), card)
    assert eight.seconds > known.seconds
    other = cost_of(replace(request_of_a_megapixel, device="mps"), card)
    assert other.seconds != known.seconds


def test_the_words() -> None:
    text = describe_cost(Cost(600, 3_000_000_000), 5_000_000_000)
    assert "10 min" in text
    assert "3 GB" in text
    assert "5 GB" in text


def test_the_answers(qtbot) -> None:
    question = RunQuestion()
    qtbot.addWidget(question)
    assert question.isHidden()
    question.ask(Cost(100, 1), 10, "whole")
    assert not question.isHidden()
    assert not question.view_button.isHidden()
    with qtbot.waitSignal(question.viewWanted):
        question.view_button.click()
    assert question.isHidden()
    question.ask(Cost(100, 1), 10, "view")
    assert question.view_button.isHidden()
    with qtbot.waitSignal(question.accepted):
        question.run_button.click()
    question.ask(Cost(100, 1), 10, "whole")
    with qtbot.assertNotEmitted(question.accepted):
        question.no_button.click()
    assert question.isHidden()


def test_little_memory_is_no_news() -> None:
    assert describe_cost(Cost(600, 30_000_000), 5_000_000_000).endswith("10 min.")
    assert "300 MB of the 900 MB" in describe_cost(Cost(600, 300_000_000), 900_000_000)
