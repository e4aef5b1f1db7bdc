from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import run
from napari_selfreg.io.volume.names import VOLUME_SUFFIXES
from napari_selfreg.widgets import results_actions
from napari_selfreg.widgets.results_panel import ResultsPanel
from napari_selfreg.widgets.volume.importing import (
    VOLUME_IMPORT_FILTER,
    run_volume_import,
    take_volume_import,
)
from napari_selfreg.widgets.volume.opening import open_volume_layer
from napari_selfreg.widgets.volume.result_info import volume_result_info
from tests.io.volume.files import nifti, unplaced
from tests.widgets.results_steps import add_objects, finish
from tests.widgets.waits import LONG

AFFINE = np.array([[-0.5, 0, 0, 7], [0, 1, 0, 11], [0, 0, 2, 5], [0, 0, 0, 1.0]])
STORED = np.zeros((6, 5, 4), np.uint8)  # x from right to left, y, z
STORED[0, 1:3, 2], STORED[4, 3, 1] = 1, 3


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A volume stored from right to left, 6 x 5 x 4 voxels (x, y, z)."""
    values = np.random.default_rng(0).normal(100, 10, STORED.shape).astype(np.float32)
    return nifti(tmp_path / "head.nii.gz", values, AFFINE)


def write_stack(path: Path, labels: np.ndarray) -> None:
    tifffile.imwrite(path, labels, photometric="minisblack", metadata={"axes": "ZYX"})


def layer_of(path: Path) -> Image:
    data, arguments, _ = open_volume_layer(path)
    return Image(data, **arguments)


def test_labels_lie_voxel_on_voxel_however_they_are_stored(head: Path, tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", STORED, AFFINE)
    image = nibabel.load(path).as_reoriented([[0, -1], [1, 1], [2, 1]])
    nibabel.save(image, tmp_path / "turned.nii")
    expected = STORED.transpose(2, 1, 0)[:, :, ::-1]
    for file in (path, tmp_path / "turned.nii"):
        found = run(run_volume_import(take_volume_import(layer_of(head), file)))
        np.testing.assert_array_equal(found.labels, expected)
    assert found.table["class"].tolist() == ["class 1", "class 2", "class 3"]
    assert found.table["voxels"].tolist() == [2, 0, 1]
    assert found.table["volume_mm3"].tolist() == [2.0, 0.0, 1.0]
    assert 50 < found.table["mean_intensity"][0] < 150


def test_files_that_state_nothing_need_the_same_number_of_voxels(
    head: Path, tmp_path: Path
) -> None:
    labels = np.zeros((4, 5, 6), np.uint16)
    labels[1, 2, 3] = 2
    write_stack(tmp_path / "labels.tif", labels)
    request = take_volume_import(layer_of(head), tmp_path / "labels.tif")
    np.testing.assert_array_equal(run(run_volume_import(request)).labels, labels)
    plain = unplaced(tmp_path / "plain.nii", labels.transpose(2, 1, 0))
    np.testing.assert_array_equal(
        run(run_volume_import(replace(request, path=plain))).labels, labels
    )


def test_axes_of_another_order(tmp_path: Path) -> None:
    labels = np.zeros((4, 5, 6), np.uint16)
    labels[1, 2, 3] = 2
    write_stack(tmp_path / "labels.tif", labels)
    turned = Image(np.ones((6, 4, 5)), axis_labels=["x", "z", "y"])
    found = run(run_volume_import(take_volume_import(turned, tmp_path / "labels.tif")))
    assert found.labels[3, 1, 2] == 2


@pytest.mark.parametrize(
    ("affine", "values", "words"),
    [
        (AFFINE, STORED[:5], "have 4 x 5 x 5 voxels"),
        (np.diag([0.5, 1, 3, 1]), STORED, "size of their voxels"),
        (AFFINE + np.eye(4)[3] * [[9], [0], [0], [0]], STORED, "position or direction"),
        (AFFINE, STORED * 0, "labels nothing"),
        (AFFINE, STORED / 2, "holds fractions"),
    ],
)
def test_what_does_not_lie_on_the_volume_is_one_sentence(
    head: Path, tmp_path: Path, affine: np.ndarray, values: np.ndarray, words: str
) -> None:
    path = nifti(tmp_path / "wrong.nii", values.astype(np.float32), affine)
    with pytest.raises(BadInputError, match=words) as caught:
        run(run_volume_import(take_volume_import(layer_of(head), path)))
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)


def test_a_picture_of_labels_is_no_volume(head: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.png").write_bytes(b"whatever")
    with pytest.raises(BadInputError, match="is no volume that can be read"):
        run(run_volume_import(take_volume_import(layer_of(head), tmp_path / "labels.png")))


def test_the_button_imports_onto_the_volume_and_the_rows_follow(
    make_napari_viewer_proxy, qtbot, head: Path, tmp_path: Path, monkeypatch
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    panel = ResultsPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Results")
    add_objects(viewer)
    volume = viewer.add_layer(layer_of(head))
    path, asked = nifti(tmp_path / "truth.nii.gz", STORED, AFFINE), []

    def ask(parent, start, kinds):
        asked.append((start, kinds))
        return path

    monkeypatch.setattr(results_actions, "ask_labels", ask)
    viewer.layers.selection.active = volume
    for count in (1, 2):  # the second time its first result is chosen
        panel.form.import_button.click()
        finish(panel, qtbot)
        qtbot.waitUntil(lambda: panel.form.volume.measured is not None, timeout=LONG)
        assert panel.form.status.text() == "2 classes imported from truth.nii.gz."
        results = [each for each in viewer.layers if volume_result_info(each) is not None]
        assert len(results) == count
    assert asked == [(tmp_path, VOLUME_IMPORT_FILTER)] * 2
    assert isinstance(results[0], Labels)
    assert results[0].name == "head imported"
    np.testing.assert_allclose(results[0].translate, volume.translate)
    table = panel.form.volume.table
    assert [table.item(row, 0).text() for row in range(3)] == ["class 1", "class 2", "class 3"]
    path.write_bytes(b"nothing")
    panel.form.import_button.click()
    assert "truth.nii.gz" in finish(panel, qtbot)
    assert panel.form.import_button.isEnabled()


def test_the_dialog_offers_what_can_be_read() -> None:
    assert all(f"*{suffix}" in VOLUME_IMPORT_FILTER for suffix in VOLUME_SUFFIXES)
