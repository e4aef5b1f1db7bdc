"""A folder, a tile of a slide, and labels from QuPath: the real plugin, the real engine."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets import results_actions
from napari_selfreg.widgets.result_plane import table_of
from tests.io.image_files import tissue
from tests.widgets.open_steps import open_and_wait, write_fields
from tests.widgets.results_steps import squares

LONG = 120_000
"""Milliseconds: the first job imports torch and monai."""

TILE = "Case 7 [d=2,x=385,y=101,w=160,h=120]"
"""A tile of 80 × 60 pixels, as QuPath's exporter names it."""


def results_of(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def box_of(feature: dict[str, Any]) -> tuple[float, ...]:
    """Return left, top, right and bottom of an outline."""
    outline = np.asarray(feature["geometry"]["coordinates"][0])
    return (*outline.min(axis=0), *outline.max(axis=0))


def box_on_slide(labels: np.ndarray, number: int) -> tuple[float, ...]:
    """Return left, top, right and bottom of an object of the tile, in pixels of its slide."""
    rows, columns = np.nonzero(labels == number)
    x0, y0, x1, y1 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return (385 + 2 * x0, 101 + 2 * y0, 385 + 2 * x1, 101 + 2 * y1)


@pytest.fixture
def tile(bench: Any, qtbot: Any, tmp_path: Path) -> Any:
    """A viewer and a Workbench with a tile on show, 20×."""
    viewer, workbench = bench
    path = tmp_path / "tiles" / f"{TILE}.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, tissue(60, 80), photometric="rgb")
    open_and_wait(workbench.open_panel, qtbot, path, TILE)
    workbench.open_panel.form.chooser.buttons["20×"].click()
    return viewer, workbench


def press(workbench: Any, button: Any, qtbot: Any) -> None:
    """Press a button of the Results panel and wait until it is done."""
    qtbot.waitUntil(button.isEnabled, timeout=LONG)
    with qtbot.waitSignal(workbench.results_panel.tasks.runner.finished, timeout=LONG):
        button.click()


def test_a_folder_is_run_handed_over_and_found_again(bench, qtbot, tmp_path: Path) -> None:
    viewer, workbench = bench
    folder = write_fields(tmp_path / "case")
    opened, panel = workbench.open_panel, workbench.segment_panel
    open_and_wait(opened, qtbot, folder, "a")
    assert not opened.form.run_all_button.isEnabled()  # nobody knows how large the pixels are
    opened.form.chooser.buttons["10×"].click()
    with qtbot.waitSignal(panel.batch.concluded, timeout=LONG) as signal:
        opened.form.run_all_button.click()
    assert "3 of 3 fields" in signal.args[0]
    assert opened.form.status.text() == signal.args[0]
    assert [field.state for field in opened.fields] == ["segmented"] * 3
    text = (folder / "results" / "summary.csv").read_text("utf-8")
    assert str(tmp_path) not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert [next(iter(row.values())) for row in rows] == ["a", "b", "c"]
    (before,) = results_of(viewer)
    found = before.data.copy()

    opened.fields.remove(list(opened.fields))
    assert results_of(viewer) == []
    open_and_wait(opened, qtbot, folder, "a")
    qtbot.waitUntil(lambda: len(results_of(viewer)) == 1, timeout=LONG)
    (again,) = results_of(viewer)
    np.testing.assert_array_equal(again.data, found)
    assert opened.fields[0].state == "segmented"

    # Fields that were not on show today are counted as they lie on disk.
    others = str(sum(int(row["objects"]) for row in rows[1:]))
    totals = workbench.results_panel.form.totals
    qtbot.waitUntil(lambda: totals.texts("folder")[0] == others, timeout=LONG)


def test_objects_of_a_tile_lie_on_its_slide_and_come_back(
    tile, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, workbench = tile
    panel, form = workbench.segment_panel, workbench.results_panel.form
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    drawn = squares((60, 80))
    signal.args[0].data = drawn  # a person has put all of it right
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(results_actions, "ask_folder", lambda *_: out)
    press(workbench, form.save_button, qtbot)
    saved = out / f"{TILE}_objects.geojson"
    features = json.loads(saved.read_text("utf-8"))["features"]
    boxes = sorted(box_of(feature) for feature in features)
    wanted = sorted(box_on_slide(drawn, number) for number in range(1, 7))
    np.testing.assert_allclose(boxes, wanted, atol=1)

    monkeypatch.setattr(results_actions, "ask_labels", lambda *_: saved)
    press(workbench, form.import_button, qtbot)
    imported = results_of(viewer)[-1]
    assert imported is not signal.args[0]
    np.testing.assert_array_equal(imported.data > 0, drawn > 0)
    assert imported.data.max() == 6
    assert set(table_of(imported.features)["class"]) == {"gland"}


def test_annotations_of_qupath_keep_their_classes(
    bench, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, workbench = bench
    opened, form = workbench.open_panel, workbench.results_panel.form
    image = open_and_wait(opened, qtbot, write_fields(tmp_path / "case"), "a")
    opened.form.chooser.buttons["20×"].click()
    annotations = tmp_path / "a.geojson"
    annotations.write_text(json.dumps([annotation("Tumor", 4), annotation("Stroma", 30)]))
    monkeypatch.setattr(results_actions, "ask_labels", lambda *_: annotations)
    press(workbench, form.import_button, qtbot)
    (imported,) = results_of(viewer)
    table = table_of(imported.features)
    assert sorted(table["class"]) == ["Stroma", "Tumor"]
    np.testing.assert_allclose(table["area_um2"], [100 / 4] * 2)
    np.testing.assert_allclose(imported.extent.world, image.extent.world)
    assert "2 objects imported from a.geojson." in form.status.text()
    form.copy_button.click()
    assert "imported" in QApplication.clipboard().text()


def annotation(name: str, x: int) -> dict[str, Any]:
    """Return a square of 10 pixels with a class, as QuPath exports it."""
    corners = [[x, 5], [x + 10, 5], [x + 10, 15], [x, 15], [x, 5]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "properties": {"objectType": "annotation", "classification": {"name": name}},
    }
