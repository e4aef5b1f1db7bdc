from __future__ import annotations

import numpy as np
import pytest
from napari.utils.colormaps import ensure_colormap

from napari_selfreg.widgets.inside.kinds import KINDS, Kind, kind_of
from napari_selfreg.widgets.inside.legend import Legend


def test_the_legend_names_both_ends(qtbot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    legend.setKind(kind_of("energy"), (0.25, 3.5))
    assert legend.text() == "weak 0.25 … 3.5 strong"
    high = legend.sizeHint().height()
    legend.setKind(kind_of("pca"), (0, 1))
    assert legend.text() == "Like colours look alike to the block"
    assert legend.sizeHint().height() < high
    assert not legend.grab().isNull()


@pytest.fixture
def legend(qtbot) -> Legend:
    made = Legend()
    qtbot.addWidget(made)
    made.resize(200, made.sizeHint().height())
    return made


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.colormap], ids=str)
def test_the_bar_runs_from_the_lowest_to_the_highest_colour(legend, kind: Kind) -> None:
    legend.setKind(kind)
    seen = legend.grab().toImage()
    ends = ensure_colormap(kind.colormap).map(np.array([0.0, 1.0]))
    for x, colour in ((1, ends[0]), (seen.width() - 2, ends[1])):
        pixel = np.array(seen.pixelColor(x, 3).getRgb()[:3])
        np.testing.assert_allclose(pixel, colour[:3] * 255, atol=12)


def test_numbers_of_the_former_kind_do_not_stay(legend) -> None:
    legend.setKind(kind_of("scr"), (0.125, 2.0))
    assert legend.text() == "agrees 0.12 … 2 differs"
    legend.setKind(kind_of("similarity"))
    assert legend.text() == "unlike … alike"
    assert legend.toolTip() == kind_of("similarity").tip


def test_screen_readers_hear_what_the_colours_mean(legend) -> None:
    legend.setKind(kind_of("energy"), (1, 2))
    assert legend.accessibleName() == "Colours: weak 1 … 2 strong"
