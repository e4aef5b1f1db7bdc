from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from napari.layers import Image

from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.widgets.results_panel import FOR_PICTURES, NO_RESULT, ResultsPanel
from napari_selfreg.widgets.volume import results_view
from napari_selfreg.widgets.volume.layers import volume_of
from napari_selfreg.widgets.volume.opening import open_volume_layer
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo
from napari_selfreg.widgets.volume.results_job import ANOTHER, VolumeSnapshot, table_of_volume
from napari_selfreg.widgets.volume.results_view import TOTAL, text_of
from napari_selfreg.widgets.volume.run import add_classes
from napari_selfreg.widgets.volume.segment_job import VolumeFound
from tests.io.volume.files import nifti
from tests.widgets.results_steps import add_objects
from tests.widgets.waits import LONG

CLASSES = ("front", "back")
AFFINE = np.array([[-0.5, 0, 0, 7], [0, 1, 0, 11], [0, 0, 2, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def opened(tmp_path: Path):
    """A volume stored from right to left, and the class of every voxel."""
    values = np.random.default_rng(0).normal(100, 10, (6, 5, 4)).astype(np.float32)
    path = nifti(tmp_path / "scans" / "head.nii.gz", values, AFFINE)
    data, arguments, _ = open_volume_layer(path)
    labels = np.zeros(data.shape, np.int32)
    labels[1:3, 1:4, 0:2] = 1
    labels[1:3, 1:4, 3:6] = 2
    return data, arguments, labels


@pytest.fixture
def make(make_napari_viewer_proxy, qtbot, opened):
    """Make a shown panel with a result: ``viewer, panel, volume, layer``."""

    def build():
        viewer = make_napari_viewer_proxy(show=True)
        panel = ResultsPanel(viewer)
        viewer.window.add_dock_widget(panel, name="Results")
        data, arguments, labels = opened
        volume = viewer.add_image(data, **arguments)
        layer = add_classes(viewer, volume, *found_on(volume, labels))
        qtbot.waitUntil(lambda: panel.form.volume.measured is not None, timeout=LONG)
        return viewer, panel, volume, layer

    return build


def found_on(volume, labels: np.ndarray):
    view = volume_of(volume)
    table = measure_classes(labels, view.read(), view.spacing, CLASSES, view.grid.affine)
    info = VolumeResultInfo(
        "tiny", "Tiny volumes", "0123", CLASSES, volume.unique_id, view.grid, view.order
    )
    return VolumeFound(labels, table, (), "0123"), info


def texts(panel) -> list[list[str]]:
    table = panel.form.volume.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_every_class_has_a_row_and_there_is_a_total(make) -> None:
    _, panel, _, _ = make()
    rows = texts(panel)
    assert [row[0] for row in rows] == [*CLASSES, TOTAL]
    assert [row[1] for row in rows] == ["12", "18", "30"]  # voxels of 1 mm³
    assert [row[2] for row in rows] == ["0.012", "0.018", "0.03"]
    assert [row[3] for row in rows] == ["12", "18", "30"]
    assert rows[0][4].startswith(("9", "10"))
    assert rows[2][4] == ""
    assert "2 × 1 × 0.5 mm" in panel.form.volume.about.text()


def test_volumes_are_told_as_exactly_as_voxels() -> None:
    assert text_of(1526.4, "mm³") == text_of(1526, "Voxels") == "1\N{NARROW NO-BREAK SPACE}526"
    assert (text_of(12.345, "mm³"), text_of(1.5264, "ml")) == ("12.3", "1.53")


def test_what_is_for_pictures_is_disabled_with_the_reason(make) -> None:
    viewer, panel, _, layer = make()
    assert panel.form.totals.isHidden()
    assert panel.form.histogram.isHidden()
    for part in (panel.form.save_button, panel.form.copy_button, panel.form.view_button):
        assert (part.isEnabled(), part.toolTip()) == (False, FOR_PICTURES)
    assert panel.form.status.text() == FOR_PICTURES
    assert panel.form.import_button.isEnabled()
    viewer.layers.remove(layer)
    assert panel.form.status.text() == NO_RESULT
    assert panel.form.import_button.isEnabled()


def test_objects_and_classes_take_turns(make, qtbot) -> None:
    viewer, panel, _, layer = make()
    _, objects = add_objects(viewer)
    panel.form.picker.setValue(objects)
    assert panel.form.volume.isHidden()
    assert not panel.form.totals.isHidden()
    assert panel.form.save_button.isEnabled()
    assert "label image" in panel.form.save_button.toolTip()
    panel.form.picker.setValue(layer)
    assert not panel.form.volume.isHidden()
    assert not panel.form.save_button.isEnabled()


def test_the_rows_follow_a_brush(make, qtbot) -> None:
    _, panel, _, layer = make()
    layer.data_setitem((np.array([0]), np.array([0]), np.array([0])), 1)
    qtbot.waitUntil(lambda: texts(panel)[0][1] == "13", timeout=LONG)
    assert layer.features["voxels"].iloc[1] == 13


def test_save_writes_both_files_on_the_grid_of_the_volume(
    make, qtbot, tmp_path: Path, monkeypatch
) -> None:
    _, panel, _, layer = make()
    monkeypatch.setattr(results_view, "ask_folder", lambda *_: tmp_path / "out")
    asked = []
    monkeypatch.setattr(results_view, "agrees", lambda _, words: asked.append(words))
    panel.form.volume.save_button.click()
    qtbot.waitUntil(lambda: "Saved" in panel.form.volume.status.text(), timeout=LONG)
    labels = nibabel.load(tmp_path / "out" / "head_labels.nii.gz")
    np.testing.assert_allclose(labels.affine, AFFINE)
    stored = np.asarray(labels.dataobj).transpose(2, 1, 0)[:, :, ::-1]
    np.testing.assert_array_equal(stored, layer.data)
    with (tmp_path / "out" / "head_measurements.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["class"], float(row["volume_mm3"])) for row in rows] == [
        ("front", 12.0),
        ("back", 18.0),
    ]
    assert rows[0]["model"] == "tiny"
    panel.form.volume.save_button.click()  # they are there now, and she does not agree
    assert "head_labels.nii.gz" in asked[0]


def test_a_folder_that_cannot_be_written_is_told(make, qtbot, tmp_path: Path, monkeypatch) -> None:
    _, panel, _, _ = make()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(results_view, "ask_folder", lambda *_: tmp_path / "file")
    panel.form.volume.save_button.click()
    qtbot.waitUntil(lambda: "Writing" not in panel.form.volume.status.text(), timeout=LONG)
    assert "Saved" not in panel.form.volume.status.text()
    assert panel.form.volume.save_button.isEnabled()


def test_classes_that_a_person_has_drawn_have_rows_too(opened) -> None:
    data, arguments, labels = opened
    volume = Image(data, **arguments)
    _, info = found_on(volume, labels)
    labels[0, 0, 0] = 4
    table = table_of_volume(VolumeSnapshot(labels, info, None), labels)
    assert table["class"].tolist() == [*CLASSES, f"{ANOTHER} 3", f"{ANOTHER} 4"]
    assert table["voxels"].tolist() == [12, 18, 0, 1]
