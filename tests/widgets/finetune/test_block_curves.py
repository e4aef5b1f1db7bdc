from __future__ import annotations

import pytest

from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.engine.events import StepDone
from napari_selfreg.engine.finetune_types import BlocksMeasured
from napari_selfreg.widgets.finetune.block_curves import NUMBERS, BlockCurves


def measured(step: int, similarity: float, rank: float = 3.0) -> BlocksMeasured:
    numbers = {
        block: BlockNumbers(block, 8, similarity + shift, 0.1, rank, 0, 0.2, 0.3)
        for block, shift in (("E2", 0.0), ("B", 0.1), ("D2", 0.2))
    }
    return BlocksMeasured(step, numbers)


@pytest.fixture
def curves(qtbot) -> BlockCurves:
    curves = BlockCurves()
    qtbot.addWidget(curves)
    return curves


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
    from qtpy.QtCore import Qt

    tips = [curves.number.itemData(at, Qt.ItemDataRole.ToolTipRole) for at in range(len(NUMBERS))]
    assert all(tips)
    assert len(set(tips)) == len(NUMBERS)
