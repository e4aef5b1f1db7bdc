from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication
from skimage.color import deltaE_ciede2000

from napari_selfreg.engine.events import Progress, StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BaseScored, Planned, RolledBack
from napari_selfreg.widgets.finetune.curves import COLOURS, LOSSES, Curves
from tests.widgets.finetune.eyes import EYES, THEMES, contrast, seen


@pytest.fixture
def curves(qtbot) -> Iterator[Curves]:
    curves = Curves()
    qtbot.addWidget(curves)
    yield curves
    QApplication.processEvents()  # pyqtgraph still lays out what is about to be deleted


def drawn(curves: Curves, key: str) -> list[tuple[float, float]]:
    xs, ys = curves._lines[key].getData()
    return list(zip(xs, ys, strict=True))


def test_losses_and_scores_are_drawn(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)),))
    curves.show_events(
        (
            StepDone(1, 9, {"total": 2.0, "ce": 1.0, "learning_rate": 0.1}),
            StepDone(2, 9, {"total": 1.5, "ce": 0.5}),
            ValidationDone(2, 0.8, True),
        )
    )
    assert drawn(curves, "total") == [(1, 2.0), (2, 1.5)]
    assert drawn(curves, "ce") == [(1, 1.0), (2, 0.5)]
    assert drawn(curves, "validation") == [(0, 0.7), (2, 0.8)]
    assert curves._base_line.value() == 0.7
    assert "learning_rate" not in curves.points
    assert "cross-entropy" in curves._legend.text()
    assert "old model 0.700" in curves.sentence()
    assert "new model 0.800" in curves.sentence()


def test_before_anything_is_scored_no_new_model_is_told(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)),))
    assert "new model" not in curves.sentence()


def test_the_line_of_a_new_model_that_is_not_better_is_named(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)), ValidationDone(4, 0.61, False)))
    assert curves.sentence().endswith("new model not better (last 0.610)")


def test_the_new_model_is_the_one_that_is_kept(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)), ValidationDone(4, 0.966, True)))
    curves.show_events((ValidationDone(8, 0.935, False),))
    assert curves.sentence().endswith("new model 0.966 (last 0.935)")
    curves.show_events((ValidationDone(12, 0.97, True),))
    assert curves.sentence().endswith("new model 0.970")
    curves.clear()
    curves.show_events((BaseScored(0.7, (0.7,)),))
    assert "new model" not in curves.sentence()


def test_axes_reach_over_the_planned_steps_and_no_dice_that_cannot_be(curves) -> None:
    def ranges(name: str) -> list[list[float]]:
        QApplication.processEvents()
        return curves._plots[name].viewRange()

    curves.show_events((BaseScored(0.997, (0.997,)), StepDone(3, 0, {"total": 1.0})))
    (low, high), (bottom, top) = ranges("validation")
    assert (low, high) == pytest.approx((0, 4), abs=0.1)
    assert -0.03 < bottom < 0.997 < top < 1.08
    curves.show_events((Planned(200, 0.3), StepDone(4, 200, {"total": 0.9})))
    assert ranges("validation")[0] == pytest.approx([0, 200], abs=5)
    assert ranges("losses")[0] == ranges("validation")[0]
    curves.show_events((StepDone(260, 200, {"total": 0.9}),))
    assert ranges("losses")[0] == pytest.approx([0, 260], abs=6)


def test_nothing_is_shown_before_there_is_something(curves) -> None:
    curves.show_events((Progress(0, 0, "Preparing"),))
    assert curves.isHidden()
    assert not curves._plots


def test_a_new_run_starts_empty(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)), StepDone(1, 2, {"total": 1.0})))
    curves.clear()
    assert curves.points == {}
    assert not curves._base_line.isVisible()
    assert curves._lines["total"].getData()[0] is None or not len(
        curves._lines["total"].getData()[0]
    )


def test_all_terms_are_named_in_one_order_whatever_comes_first(curves) -> None:
    curves.show_events((StepDone(1, 3, {"ifd": 0.1, "scr": 0.2, "total": 1.0}),))
    curves.show_events((StepDone(2, 3, {"contour": 0.3, "dice": 0.4, "ce": 0.5}),))
    words = curves._legend.text().replace("&nbsp;", " ")
    places = [words.index(LOSSES[key]) for key in LOSSES]
    assert places == sorted(places)


@pytest.mark.parametrize("theme", list(THEMES))
def test_every_line_is_seen_on_its_background_and_told_from_the_others(theme: str) -> None:
    background, ink = THEMES[theme]
    colours = [pair[theme == "light"] for key, pair in COLOURS.items() if key in LOSSES]
    scores = [COLOURS[key][theme == "light"] for key in ("base", "validation")]
    assert min(contrast(each, background) for each in (*colours, *scores)) >= 3
    for eye in EYES:
        lab = seen([*colours, ink], eye)
        apart = [float(deltaE_ciede2000(a, b)) for a, b in combinations(lab, 2)]
        assert min(apart) > 8, eye


@pytest.mark.parametrize("theme", list(THEMES))
def test_colours_follow_the_theme_at_once(curves, theme: str) -> None:
    background, ink = THEMES[theme]
    curves.show_events((BaseScored(0.7, (0.7,)), StepDone(1, 3, {"ce": 0.5, "total": 0.9})))
    curves.setStyleSheet(f"QWidget {{ background-color: {background}; color: {ink}; }}")
    assert curves._lines["total"].opts["pen"].color() == QColor(ink)
    assert curves._lines["ce"].opts["pen"].color() == QColor(COLOURS["ce"][theme == "light"])
    assert ink in curves._legend.text()
    assert COLOURS["base"][theme == "light"] in curves._caption.text()


def test_a_roll_back_alone_draws_what_there_is(curves) -> None:
    curves.show_events((RolledBack(3, "It became unstable."),))
    assert not curves.isHidden()
    assert curves.points == {}
    curves.show_events((StepDone(4, 9, {"total": 0.7}),))
    assert drawn(curves, "total") == [(4, 0.7)]


def test_the_next_run_is_drawn_with_its_own_base(curves) -> None:
    curves.show_events((BaseScored(0.7, (0.7,)), ValidationDone(4, 0.8, True)))
    curves.clear()
    curves.show_events((BaseScored(0.5, (0.5,)), ValidationDone(2, 0.6, True)))
    assert curves._base_line.value() == 0.5
    assert drawn(curves, "validation") == [(0, 0.5), (2, 0.6)]
    assert "old model 0.500" in curves.sentence()


def test_a_narrow_panel_parts_no_dot_from_its_words(curves) -> None:
    curves.show_events((StepDone(1, 3, {"ce": 0.5, "dice": 0.4, "total": 0.9}),))
    for score in (0.7, 0.8):
        curves.show_events((ValidationDone(1, score, True),))
    assert "</span>&nbsp;Dice&nbsp;loss" in curves._legend.text()
    assert "</span>&nbsp;new&nbsp;model&nbsp;0.800" in curves._caption.text()
    assert "</span> " not in curves._legend.text() + curves._caption.text()
