"""Totals as a person reads them."""

from __future__ import annotations

import numpy as np

from napari_selfreg.core.totals import Totals
from napari_selfreg.widgets.totals_view import TotalsView, in_words

SOME = Totals(1234, 2e6, 5e5, np.full(1234, 321.4567))


def test_all_four() -> None:
    assert in_words(SOME) == ["1\u202f234", "25\u202f%", "321\u202fµm²", "617\u202f/mm²"]
    assert in_words(SOME, units=False) == ["1\u202f234", "25", "321", "617"]
    assert in_words(Totals(0, 0.0, 0.0, np.zeros(0))) == ["0", "–", "–", "–"]


def test_the_folder_shows_only_where_there_is_one(qtbot) -> None:
    view = TotalsView()
    qtbot.addWidget(view)
    view.show()
    cell = view._cells["folder"][0]
    assert not cell.isVisible()
    view.setTotals("folder", SOME)
    assert cell.isVisible()
    assert view.texts("folder") == ["1\u202f234", "25", "321", "617"]  # the rows say the units
    assert view.texts("view")[0] == "–"
    view.setTotals("folder", None)
    assert not cell.isVisible()


def test_a_hidden_folder_takes_no_room(qtbot) -> None:
    view = TotalsView()
    qtbot.addWidget(view)
    view.resize(400, 150)
    view.show()
    right = view._cells["field"][0].geometry().right()
    assert right > 380
    view.setTotals("folder", SOME)
    qtbot.waitUntil(lambda: view._cells["field"][0].geometry().right() < 300)
