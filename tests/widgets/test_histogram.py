"""A measurement, its range, and which objects are in it."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.widgets.histogram import NO_PLOT, TITLES, Histogram, whole_ticks

TABLE = {
    "index": np.array([1, 2, 5, 9], np.int32),
    "area_um2": np.array([10.0, 20.0, 30.0, 1200.0]),
    "solidity": np.array([0.5, 0.9, np.nan, 1.0]),
    "mean_probability": np.full(4, np.nan),
    "class": np.array(["a", "a", "b", "b"]),
}


@pytest.fixture
def histogram(qtbot) -> Histogram:
    found = Histogram()
    qtbot.addWidget(found)
    found.setTable(TABLE)
    return found


def test_only_what_was_measured_is_offered(histogram: Histogram) -> None:
    offered = [histogram.measurement.itemText(i) for i in range(histogram.measurement.count())]
    assert offered == [TITLES["area_um2"], TITLES["solidity"]]
    assert histogram.name() == "area_um2"


@given(st.integers(1, 10**7))
def test_counts_are_written_as_few_whole_round_numbers(most: int) -> None:
    ticks = whole_ticks(most)
    steps = {after - before for before, after in pairwise(ticks)}
    assert ticks[0] == 0
    assert ticks[-1] <= most
    assert len(steps) == 1
    assert 2 <= len(ticks) <= 6
    assert str(steps.pop()).rstrip("0") in ("1", "2", "5")


def test_the_axis_of_counts_has_no_fractions(histogram: Histogram) -> None:
    pytest.importorskip("pyqtgraph")
    histogram.load()
    levels = histogram._plot.getAxis("left")._tickLevels
    assert [text for level in levels for _, text in level] == ["0", "1", "2", "3"]


def test_the_range_chooses_objects_and_says_how_many(histogram: Histogram, qtbot) -> None:
    assert histogram.chosen().tolist() == []
    with qtbot.waitSignal(histogram.rangeChanged):
        histogram.setValue((15.0, 2000.0))
    assert histogram.chosen().tolist() == [2, 5, 9]
    assert histogram.words.text() == "3 of 4 objects from 15 to 2\u202f000"
    histogram.clear_button.click()
    assert histogram.value() is None
    assert not histogram.clear_button.isEnabled()


def test_unknown_values_are_in_no_range(histogram: Histogram) -> None:
    histogram.measurement.setCurrentIndex(1)
    histogram.setValue((0.0, 2.0))
    assert histogram.chosen().tolist() == [1, 2, 9]


def test_another_measurement_clears_the_range_and_new_objects_keep_it(
    histogram: Histogram,
) -> None:
    histogram.setValue((15.0, 40.0))
    histogram.setTable({name: column[:2] for name, column in TABLE.items()})
    assert histogram.value() == (15.0, 40.0)
    assert histogram.chosen().tolist() == [2]
    histogram.measurement.setCurrentIndex(1)
    assert histogram.value() is None


def test_no_objects(histogram: Histogram) -> None:
    histogram.load()
    histogram.setTable({})
    assert histogram.name() == ""
    assert histogram.values().size == 0
    assert histogram.words.text() == ""


def test_the_plot_follows_and_dragging_chooses(histogram: Histogram, qtbot) -> None:
    histogram.load()
    histogram.setSelected(5)
    assert histogram._line.value() == 30.0
    histogram.setSelected(77)
    assert not histogram._line.isVisible()
    with qtbot.waitSignal(histogram.rangeChanged):
        histogram._region.setRegion((12.0, 25.0))  # as the mouse does
    assert histogram.chosen().tolist() == [2]
    assert sum(histogram._bars.opts["height"]) == 4


def test_the_plot_takes_the_colours_of_another_theme(histogram: Histogram) -> None:
    histogram.load()
    for ground in ("#102030", "#f0f0e0"):
        histogram.setStyleSheet(f"QWidget {{ background-color: {ground}; color: #808080 }}")
        histogram.ensurePolished()
        assert histogram._plot.backgroundBrush().color().name() == ground
        assert histogram._plot.getAxis("left").textPen().color().name() == "#808080"


def test_without_the_plot_library_the_rest_works(
    histogram: Histogram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyqtgraph", None)
    histogram.load()
    assert histogram.words.text() == NO_PLOT
    histogram.setValue((15.0, 40.0))
    assert histogram.chosen().tolist() == [2, 5]
