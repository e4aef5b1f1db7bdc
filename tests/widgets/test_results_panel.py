"""From objects to totals, table, marks and files, in a real window."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QTableView

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Progress
from napari_selfreg.widgets import results_actions, results_panel
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.pixel_size_change import change_pixel_size
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.results_panel import NO_RESULT, ResultsPanel
from tests.widgets.panel_steps import names
from tests.widgets.results_steps import (
    add_objects,
    files_of,
    finish,
    info_for,
    settle,
    squares,
    table_for,
)
from tests.widgets.waits import LONG


@pytest.fixture
def make(make_napari_viewer_proxy, qtbot) -> Callable[..., Any]:
    """Make a shown viewer with a docked panel and a result: ``viewer, panel, image, layer``."""

    def build(labels: np.ndarray | None = None, **changes: Any) -> Any:
        viewer = make_napari_viewer_proxy(show=True)
        panel = ResultsPanel(viewer)
        viewer.window.add_dock_widget(panel, name="Results")
        image, layer = add_objects(viewer, labels, **changes)
        settle(panel, qtbot)
        return viewer, panel, image, layer

    return build


def answer(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Answer the questions a person is asked."""
    for name, value in answers.items():
        monkeypatch.setattr(results_actions, name, lambda *_, value=value: value)


def test_without_a_result_it_says_what_to_do(make_napari_viewer_proxy, qtbot) -> None:
    viewer = make_napari_viewer_proxy()
    panel = ResultsPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Results")
    assert panel.form.status.text() == NO_RESULT
    assert not any(part.isEnabled() for part in panel.form.with_result())
    panel.form.import_button.click()
    assert "image first" in panel.form.status.text()


def test_totals_follow_the_view_and_the_brush(make, qtbot) -> None:
    viewer, panel, _, layer = make()
    assert panel.form.totals.texts("field")[0] == "6"
    texts = panel.form.totals.texts
    viewer.reset_view()
    qtbot.waitUntil(lambda: texts("view") == texts("field"), timeout=LONG)
    viewer.scene.camera.center = (4.5, 6)  # on object 1
    viewer.scene.camera.zoom *= 4
    qtbot.waitUntil(lambda: panel.form.totals.texts("view")[0] == "1", timeout=LONG)
    layer.selected_label = 9
    layer.paint((50, 70), 9)
    qtbot.waitUntil(lambda: panel.form.totals.texts("field")[0] == "7", timeout=LONG)
    assert layer.features["area_um2"].iloc[9] > 0  # measured without a click


def test_totals_follow_another_pixel_size(make, qtbot) -> None:
    viewer, panel, image, layer = make()
    before, (y, x) = panel.survey.totals.region_um2, image.scale
    change_pixel_size(viewer, image, PixelSize(2 * y, 3 * x))
    panel.shared.pixelSizeChanged.emit(image)
    qtbot.waitUntil(
        lambda: panel.survey.totals.region_um2 == pytest.approx(6 * before), timeout=LONG
    )
    table = panel.survey.table
    assert panel.survey.fresh
    assert layer.features["perimeter_um"].iloc[1] == pytest.approx(table["perimeter_um"][0])


def test_a_late_count_of_one_result_is_not_shown_on_another(make, qtbot, monkeypatch) -> None:
    _, panel, image, first = make()
    gate, counting, survey = threading.Event(), threading.Event(), results_panel.survey

    def slow(snapshot: Any) -> Any:
        yield Progress(0, 0)
        counting.set()
        gate.wait(LONG / 1000)
        return (yield from survey(snapshot))

    monkeypatch.setattr(results_panel, "survey", slow)
    first.data_setitem((np.array([50, 51]), np.array([70, 70])), 9)
    qtbot.waitUntil(counting.is_set, timeout=LONG)
    panel.hide()  # nothing is counted anew behind another tab
    labels = np.where(squares() == 2, 1, 0).astype(np.int32)
    info = info_for(labels, image_layer_id=image.unique_id)
    found = SimpleNamespace(labels=labels, box=info.box, table=table_for(labels, info))
    viewer = panel._viewer
    second = add_result(viewer, image, picture_of(viewer, image), found, "other", info)
    panel.shared.resultChanged.emit(second)
    rows = list(second.features["index"])
    gate.set()
    qtbot.waitUntil(lambda: not panel._surveys.running, timeout=LONG)
    assert list(second.features["index"]) == rows
    assert panel.survey is None


def test_rows_stand_where_naparis_table_looks(make, qtbot) -> None:
    viewer, panel, _, layer = make()
    panel.form.table_button.click()
    table = panel.link.openTable()  # a second time gives the same
    view = table.findChild(QTableView)
    assert view.isRowHidden(0)  # the background
    viewer.scene.camera.center = (0, 0)
    view.selectRow(5)
    assert layer.selected_label == 5
    rows, columns = np.nonzero(layer.data == 5)
    middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 4
    assert np.allclose(viewer.scene.camera.center[-2:], middle)
    layer.selected_label = 3
    assert [index.row() for index in view.selectionModel().selectedRows()] == [3]


def test_sorting_keeps_the_background_hidden(make, qtbot) -> None:
    _, panel, _, _ = make()
    view = panel.link.openTable().findChild(QTableView)
    view.setSortingEnabled(True)
    view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    hidden = [row for row in range(view.model().rowCount()) if view.isRowHidden(row)]
    assert hidden == [view.model().rowCount() - 1]


def test_a_chosen_range_is_filled_in_the_image(make, qtbot) -> None:
    viewer, panel, _, layer = make()
    histogram = panel.form.histogram
    qtbot.waitUntil(lambda: histogram._plot is not None, timeout=LONG)
    areas = dict(
        zip(panel.survey.table["index"].tolist(), panel.survey.table["area_um2"], strict=True)
    )
    histogram.setValue((areas[3] - 0.1, areas[5] + 0.1))
    qtbot.waitUntil(lambda: panel.marks.layer is not None and not panel.busy, timeout=LONG)
    assert np.array_equal(panel.marks.layer.data > 0, np.isin(layer.data, (3, 4, 5)))
    assert "3 of 6 objects" in histogram.words.text()
    assert viewer.layers.selection.active == layer
    histogram.clear_button.click()
    assert names(viewer) == ["field 1", "field 1 spots"]


def test_saving_writes_the_three_files_of_now(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel, _, layer = make()
    layer.data_setitem((np.array([50, 50]), np.array([70, 71])), 0)
    layer.data[layer.data == 2] = 0
    answer(monkeypatch, ask_folder=tmp_path, ask_to_replace=True)
    panel.form.save_button.click()
    assert panel.form.cancel_button.isVisible()
    assert "Saved field 1_objects.tif" in finish(panel, qtbot)
    assert files_of(tmp_path) == [
        "field 1_measurements.csv",
        "field 1_objects.geojson",
        "field 1_objects.tif",
    ]
    outlines = json.loads((tmp_path / "field 1_objects.geojson").read_text())["features"]
    assert [each["properties"]["name"] for each in outlines] == ["1", "3", "4", "5", "6"]


def test_a_field_cut_by_qupath_comes_back_in_slide_pixels(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel, _, _ = make(stem="S [d=2,x=1000,y=600,w=160,h=120]")
    answer(monkeypatch, ask_folder=tmp_path, ask_to_replace=True)
    panel.form.compressed.setChecked(False)
    panel.form.save_button.click()
    finish(panel, qtbot)
    document = json.loads(next(tmp_path.glob("*.geojson")).read_text())
    first = np.array(document["features"][0]["geometry"]["coordinates"][0])
    assert first.min(axis=0).tolist() == [1000 + 2 * 5, 600 + 2 * 3]
    assert first.max(axis=0).tolist() == [1000 + 2 * 17, 600 + 2 * 12]


def test_a_full_disk_is_one_sentence(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel, _, _ = make()
    (tmp_path / "field 1_objects.tif").mkdir()
    answer(monkeypatch, ask_folder=tmp_path, ask_to_replace=True)
    panel.form.save_button.click()
    assert "could not be written" in finish(panel, qtbot)
    assert panel.form.save_button.isEnabled()


def test_changing_ones_mind_does_nothing(make, monkeypatch: pytest.MonkeyPatch) -> None:
    _, panel, _, _ = make()
    answer(monkeypatch, ask_folder=None, ask_picture=None, ask_labels=None)
    form = panel.form
    for button in (form.save_button, form.view_button, form.field_button, form.import_button):
        button.click()
        assert not panel.tasks.runner.running


@pytest.mark.parametrize("name", ["view.png", "field.svg"])
def test_pictures(make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _, panel, _, _ = make()
    answer(monkeypatch, ask_picture=tmp_path / name)
    button = panel.form.view_button if "view" in name else panel.form.field_button
    button.click()
    assert f"Saved {name}" in finish(panel, qtbot)
    content = (tmp_path / name).read_bytes()
    assert len(content) > 1000
    assert str(tmp_path).encode() not in content
    assert str(Path.home()).encode() not in content


def test_a_picture_of_a_result_without_its_image(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, panel, image, _ = make()
    viewer.layers.remove(image)
    QApplication.processEvents()  # it is gone from the screen, too
    answer(monkeypatch, ask_picture=tmp_path / "a.png")
    panel.form.field_button.click()
    assert "open it again" in finish(panel, qtbot)


def test_the_methods_sentence_is_on_the_clipboard(make, qtbot) -> None:
    _, panel, _, _ = make()
    panel.form.copy_button.click()
    text = QApplication.clipboard().text()
    assert "model “Dark spots” (spots, version abc), at 0.5 µm/px (stated by the image" in text
    assert text.endswith("Model: A. Author, 2026.")
    assert "Copied" in panel.form.status.text()


def test_what_was_saved_can_be_imported_again(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel, _, layer = make()
    answer(monkeypatch, ask_folder=tmp_path, ask_to_replace=True)
    panel.form.save_button.click()
    finish(panel, qtbot)
    for name in ("field 1_objects.geojson", "field 1_objects.tif"):
        answer(monkeypatch, ask_labels=tmp_path / name)
        panel.form.import_button.click()
        assert f"6 objects imported from {name}" in finish(panel, qtbot)
        settle(panel, qtbot)
        added = panel.form.picker.value()
        assert added is not layer
        assert np.array_equal(added.data, layer.data)
        assert np.allclose(added.scale, layer.scale)
        assert np.allclose(added.features["area_um2"][1:], layer.features["area_um2"][1:])
    assert np.isnan(added.features["mean_probability"][1:]).all()
    panel.form.copy_button.click()
    assert QApplication.clipboard().text().startswith("Objects were imported as labels")


def test_labels_of_another_image_are_one_sentence(
    make, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, panel, _, _ = make()
    np.save(tmp_path / "a.npy", squares())
    answer(monkeypatch, ask_labels=tmp_path / "a.npy")
    panel.form.import_button.click()
    assert "no kind that holds labels" in finish(panel, qtbot)
    assert names(viewer) == ["field 1", "field 1 spots"]


def test_an_image_of_unknown_pixel_size_asks_for_it(
    make_napari_viewer_proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer_proxy()
    panel = ResultsPanel(viewer)
    viewer.add_image(np.zeros((60, 80, 3), np.uint8), rgb=True)
    answer(monkeypatch, ask_labels=tmp_path / "a.png")
    panel.form.import_button.click()
    assert "Open panel" in panel.form.status.text()
    panel.deleteLater()


def test_a_removed_result_leaves_an_empty_panel(make, qtbot) -> None:
    viewer, panel, _, layer = make()
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not panel.busy, timeout=LONG)
    assert panel.form.totals.texts("field")[0] == "–"
    assert panel.form.status.text() == NO_RESULT
    assert not panel.form.save_button.isEnabled()
