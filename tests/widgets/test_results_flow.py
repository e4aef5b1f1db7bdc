"""From a run over sliders and a brush to rows of napari's table: both panels in one window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTableView

from napari_selfreg.widgets.result_plane import is_aligned
from napari_selfreg.widgets.results_panel import ResultsPanel
from tests.widgets.panel_steps import add_field, run_to_the_end
from tests.widgets.results_steps import settle
from tests.widgets.waits import LONG


@pytest.fixture
def flow(make_panel, field: np.ndarray, qtbot) -> Any:
    """A result of three spots with its table open: ``viewer, panel, results, layer, table``."""
    viewer, panel, _ = make_panel(show=True)
    results = ResultsPanel(viewer)
    viewer.window.add_dock_widget(results, name="Results")
    add_field(viewer, field)
    layer = run_to_the_end(panel, qtbot)
    settle(results, qtbot)
    results.form.table_button.click()
    return viewer, panel, results, layer, results.link.openTable().findChild(QTableView)


def shown_rows(table: QTableView) -> list[int]:
    return [row for row in range(table.model().rowCount()) if not table.isRowHidden(row)]


def expect_each_row_leads_to_its_object(viewer: Any, layer: Any, table: QTableView) -> None:
    ids = [int(number) for number in np.unique(layer.data) if number]
    assert shown_rows(table) == ids
    for number in ids:
        layer.selected_label = 0
        viewer.scene.camera.center = (0, 0)
        table.selectRow(number)
        assert layer.selected_label == number
        rows, columns = np.nonzero(layer.data == number)
        middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2
        np.testing.assert_allclose(viewer.scene.camera.center[-2:], middle)
        area = layer.features["area_um2"].iloc[number]
        assert area == pytest.approx(len(rows))
    layer.selected_label = 0
    layer.selected_label = ids[0]
    assert [index.row() for index in table.selectionModel().selectedRows()] == [ids[0]]


def test_after_a_run(flow) -> None:
    viewer, _, _, layer, table = flow
    assert is_aligned(layer.features)
    expect_each_row_leads_to_its_object(viewer, layer, table)


def test_after_a_slider_has_made_the_objects_anew(flow, qtbot) -> None:
    viewer, panel, results, layer, table = flow
    settings = replace(panel.sliders.value(), min_area_um2=150.0)
    with qtbot.waitSignal(panel.relabeller.relabelled, timeout=LONG):
        panel.relabeller.change(settings)
    assert is_aligned(layer.features)
    qtbot.waitUntil(lambda: results.form.totals.texts("field")[0] == "1", timeout=LONG)
    expect_each_row_leads_to_its_object(viewer, layer, table)


def test_after_an_object_was_deleted(flow, qtbot) -> None:
    viewer, _, results, layer, table = flow
    layer.data_setitem(np.nonzero(layer.data == 2), 0)
    qtbot.waitUntil(lambda: results.form.totals.texts("field")[0] == "2", timeout=LONG)
    settle(results, qtbot)
    expect_each_row_leads_to_its_object(viewer, layer, table)
    layer.undo()
    qtbot.waitUntil(lambda: results.form.totals.texts("field")[0] == "3", timeout=LONG)
    settle(results, qtbot)
    expect_each_row_leads_to_its_object(viewer, layer, table)


def test_a_click_on_the_row_of_the_chosen_object_leads_there_too(flow, qtbot) -> None:
    viewer, _, _, layer, table = flow
    layer.selected_label = 1
    viewer.scene.camera.center = (0, 0)
    spot = table.visualRect(table.model().index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (9.5, 19.5))
