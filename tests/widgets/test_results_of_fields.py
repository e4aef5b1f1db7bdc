"""The Results panel while a person goes through the fields of the Open panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_selfreg.widgets.result_info import RESULT_KEY
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.results_panel import ResultsPanel
from tests.widgets.open_steps import docked, open_and_wait, wait_shown, write_fields
from tests.widgets.results_steps import info_for, settle, squares, table_for
from tests.widgets.waits import LONG


def test_a_field_that_makes_room_for_one_without_objects_still_counts(
    make_napari_viewer_proxy: Any, qtbot: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    panel, results = docked(viewer), ResultsPanel(viewer)
    viewer.window.add_dock_widget(results, name="Results")
    image = open_and_wait(panel, qtbot, write_fields(tmp_path / "case"), "a")
    panel.form.chooser.buttons["20×"].click()
    labels = squares()
    info = info_for(labels, image_layer_id=image.unique_id)
    features = feature_rows(table_for(labels, info))
    viewer.add_labels(labels, features=features, metadata={RESULT_KEY: info})
    for stem in ("b", "a"):  # once both are known, turning the page is all that happens
        panel.fields.set_current(next(each for each in panel.fields if each.stem == stem))
        wait_shown(panel, qtbot, stem)
    settle(results, qtbot)
    qtbot.waitUntil(lambda: not results._fields.isActive(), timeout=LONG)
    panel.form.next_button.click()
    wait_shown(panel, qtbot, "b")
    assert results.form.totals.texts("field")[0] == "–"
    qtbot.waitUntil(lambda: results.form.totals.texts("folder")[0] == "6", timeout=LONG)
