from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication
from skimage.color import deltaE_ciede2000

from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.engine.events import StepDone
from napari_selfreg.engine.finetune_types import BlocksMeasured
from napari_selfreg.widgets.finetune.block_curves import (
    NUMBERS,
    ON_DARK,
    ON_LIGHT,
    BlockCurves,
    colour_of,
)
from tests.widgets.finetune.eyes import EYES, THEMES, contrast, seen


def measured(step: int, similarity: float, rank: float = 3.0) -> BlocksMeasured:
    numbers = {
        block: BlockNumbers(block, 8, similarity + shift, 0.1, rank, 0, 0.2, 0.3)
        for block, shift in (("E2", 0.0), ("B", 0.1), ("D2", 0.2))
    }
    return BlocksMeasured(step, numbers)


@pytest.fixture
def curves(qtbot) -> Iterator[BlockCurves]:
    curves = BlockCurves()
    qtbot.addWidget(curves)
    yield curves
    QApplication.processEvents()  # pyqtgraph still lays out what is about to be deleted


def drawn(curves: BlockCurves, block: str) -> list[tuple[float, float]]:
    xs, ys = curves._lines[block].getData()
    return list(zip(xs, ys, strict=True))


def test_nothing_is_shown_of_a_run_that_is_not_watched(curves) -> None:
    curves.show_events((StepDone(1, 9, {"total": 1.0}),))
    assert curves.isHidden()
    assert curves._plot is None


def test_each_block_has_a_line_of_the_chosen_number(curves) -> None:
    curves.show_events((measured(0, 0.25), StepDone(1, 9, {"total": 1.0})))
    curves.show_events((measured(4, 0.5, rank=2.0),))
    assert not curves.isHidden()
    assert drawn(curves, "E2") == [(0, 0.25), (4, 0.5)]
    assert drawn(curves, "D2") == [(0, 0.45), (4, 0.7)]
    curves.number.setCurrentIndex(list(NUMBERS).index("effective_rank"))
    assert drawn(curves, "B") == [(0, 3.0), (4, 2.0)]
    assert [curves._legend.text().index(block) for block in ("E2", "B", "D2")] == sorted(
        curves._legend.text().index(block) for block in ("E2", "B", "D2")
    )


def test_a_new_run_starts_empty(curves) -> None:
    curves.show_events((measured(0, 0.25), measured(9, 0.3)))
    curves.clear()
    assert curves.isHidden()
    curves.number.setCurrentIndex(1)  # with nothing to draw
    curves.show_events((measured(0, 0.75),))
    assert drawn(curves, "E2") == [(0, 3.0)]


def test_every_number_is_explained(curves) -> None:
    tips = [curves.number.itemData(at, Qt.ItemDataRole.ToolTipRole) for at in range(len(NUMBERS))]
    assert all(tips)
    assert len(set(tips)) == len(NUMBERS)


@pytest.mark.parametrize("eye", list(EYES))
@pytest.mark.parametrize("theme", list(THEMES))
def test_every_eye_tells_the_resolutions_apart(theme: str, eye: str) -> None:
    _, ink = THEMES[theme]
    colours = [colour_of(block, ink) for block in ("E1", "E2", "E3", "E4", "E5", "B")]
    lab = seen(colours, eye)
    apart = [float(deltaE_ciede2000(lab[a], lab[b])) for a, b in combinations(range(6), 2)]
    assert min(apart) > 15


@pytest.mark.parametrize("theme", list(THEMES))
def test_every_line_is_seen_on_its_background(theme: str) -> None:
    background, ink = THEMES[theme]
    for colour in (*(ON_DARK if theme == "dark" else ON_LIGHT), ink):
        assert contrast(colour, background) >= 3


def test_encoder_and_decoder_of_one_resolution_differ_by_their_stroke(curves) -> None:
    curves.show_events((measured(0, 0.25),))
    encoder, bottleneck, decoder = (curves._lines[each].opts["pen"] for each in ("E2", "B", "D2"))
    assert encoder.color() == decoder.color() != bottleneck.color()
    assert encoder.style() == Qt.PenStyle.SolidLine != decoder.style()
    assert bottleneck.widthF() > encoder.widthF()
    assert curves._legend.text().count("╍") == 1
    assert "Broken lines: decoder" in curves._legend.toolTip()


@pytest.mark.parametrize("theme", list(THEMES))
def test_colours_follow_the_theme_at_once(curves, theme: str) -> None:
    curves.show_events((measured(0, 0.25),))
    curves.setStyleSheet("QWidget { background-color: #808080; }")
    curves.show()
    curves.grab()  # now the plot knows its old background
    background, ink = THEMES[theme]
    curves.setStyleSheet(f"QWidget {{ background-color: {background}; color: {ink}; }}")
    expected = (ON_DARK if theme == "dark" else ON_LIGHT)[1]
    assert curves._lines["E2"].opts["pen"].color() == QColor(expected)
    assert curves._lines["B"].opts["pen"].color() == QColor(ink)
    assert curves._plot.getAxis("left").textPen().color() == QColor(ink)
    assert expected in curves._legend.text()
    corner = curves._plot.grab().toImage().pixelColor(2, 2)
    assert corner.lightness() == pytest.approx(QColor(background).lightness(), abs=2)


def test_blocks_beyond_the_last_colour_have_one_all_the_same() -> None:
    assert colour_of("E6", "#000000") == colour_of("E1", "#000000") == ON_LIGHT[0]
