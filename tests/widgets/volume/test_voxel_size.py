from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.widgets.open_panel import FOLDER_VOXELS
from napari_selfreg.widgets.volume.layers import VOLUME_KEY, unsized, volume_of
from napari_selfreg.widgets.volume.opening import open_volume_layer
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo, volume_result_info
from napari_selfreg.widgets.volume.run import add_classes
from napari_selfreg.widgets.volume.segment_job import VolumeFound
from napari_selfreg.widgets.volume.voxel_size import VoxelSizeBox, change_spacing
from tests.io.volume.files import nifti, unplaced
from tests.widgets.open_steps import docked, open_and_wait, wait_shown


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A TIFF stack that states no size."""
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.arange(6 * 7 * 8, dtype=np.uint16).reshape(6, 7, 8))
    return path


def test_only_files_without_a_place_ask_for_it(
    make_napari_viewer_proxy, qtbot, stack: Path, tmp_path: Path
) -> None:
    viewer, box = make_napari_viewer_proxy(), VoxelSizeBox()
    qtbot.addWidget(box)
    for path, asked in (
        (stack, True),
        (unplaced(tmp_path / "plain.nii"), True),
        (nifti(tmp_path / "placed.nii"), False),
    ):
        data, arguments, _ = open_volume_layer(path)
        box.setLayer(viewer.add_image(data, **arguments))
        assert box.isHidden() is not asked
    box.setLayer(None)
    assert box.isHidden()
    array = viewer.add_image(np.zeros((4, 5, 6)), name="array")  # of no file
    box.setLayer(array)
    assert not box.isHidden()
    change_spacing(viewer, array, (2, 1, 1))
    assert (volume_of(array).spacing, volume_of(array).notes) == ((2, 1, 1), ())
    assert volume_of(array).grid.stem == "array"
    box.setLayer(viewer.add_image(np.zeros((1, 5, 6)), name="slice"))
    assert box.isHidden()


def test_a_size_that_is_typed_counts_for_volume_and_results(
    make_napari_viewer_proxy, stack: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    data, arguments, _ = open_volume_layer(stack)
    image = viewer.add_image(data, **arguments)
    view = volume_of(image)
    info = VolumeResultInfo("m", "M", "0", ("a",), image.unique_id, view.grid)
    found = VolumeFound(np.ones(data.shape, np.int32), {"index": np.array([1])})
    result = add_classes(viewer, image, found, info)
    change_spacing(viewer, image, (3.0, 0.5, 0.25))
    np.testing.assert_allclose(image.scale, (3, 0.5, 0.25))
    np.testing.assert_allclose(result.scale, image.scale)
    assert volume_of(image).spacing == (3, 0.5, 0.25)
    assert volume_result_info(result).grid.spacing == (3, 0.5, 0.25)
    assert volume_of(image).grid is image.metadata[VOLUME_KEY]


def test_the_open_panel_takes_it(make_napari_viewer_proxy, qtbot, stack: Path) -> None:
    panel = docked(make_napari_viewer_proxy())
    image = open_and_wait(panel, qtbot, stack, "stack")
    box = panel.form.voxels
    assert not box.isHidden()
    assert "state their size" in panel.form.status.text()
    box.edits["z"].setText("3")
    with qtbot.waitSignal(panel.shared.pixelSizeChanged):
        box.edits["z"].editingFinished.emit()
    np.testing.assert_allclose(image.scale, (3, 1, 1))
    assert panel.form.status.text() == ""


def test_nothing_runs_on_all_before_the_size_is_known_and_it_counts_for_the_folder(
    make_napari_viewer_proxy, qtbot, stack: Path
) -> None:
    shutil.copy(stack, stack.with_name("twin.tif"))
    panel = docked(make_napari_viewer_proxy())
    panel.form.set_runnable(True, volumes=True)
    image = open_and_wait(panel, qtbot, stack.parent, "stack")
    assert panel.form.missing() == (
        "stack.tif does not state the size of its voxels: type it above first."
    )
    assert unsized(image)
    panel.form.voxels.agree_button.click()  # 1 mm is right
    assert panel.form.missing() == ""
    assert not unsized(image)
    panel.fields.step(1)
    assert not unsized(wait_shown(panel, qtbot, "twin"))
    panel.fields.step(-1)
    image = wait_shown(panel, qtbot, "stack")
    assert not unsized(image)
    panel.form.voxels.edits["z"].setText("3")
    panel.form.voxels.edits["z"].editingFinished.emit()
    np.testing.assert_allclose(image.scale, (3, 1, 1))
    assert {each.spacing for each in panel.fields.to_run(volumes=True)} == {(3.0, 1.0, 1.0)}
    panel.fields.step(1)
    twin = wait_shown(panel, qtbot, "twin")
    np.testing.assert_allclose(twin.scale, (3, 1, 1))
    assert panel.form.status.text() == FOLDER_VOXELS


def test_what_is_no_size_counts_as_it_was(make_napari_viewer_proxy, qtbot, stack: Path) -> None:
    viewer, box = make_napari_viewer_proxy(), VoxelSizeBox()
    qtbot.addWidget(box)
    data, arguments, _ = open_volume_layer(stack)
    box.setLayer(viewer.add_image(data, **arguments))
    for text in ("", "0", ".", "99999"):
        box.edits["y"].setText(text)
        with qtbot.assertNotEmitted(box.chosen):
            box.edits["y"].editingFinished.emit()
        assert box.edits["y"].text() == "1"
    change_spacing(viewer, viewer.layers[0], (1.0, 1 / 3, 1.0))
    box.setLayer(viewer.layers[0])
    with qtbot.assertNotEmitted(box.chosen):  # six digits are shown of more
        box.edits["y"].editingFinished.emit()
    assert box.value() == (1.0, 1 / 3, 1.0)
    box.edits["y"].setText("0,25")
    with qtbot.waitSignal(box.chosen) as signal:
        box.edits["y"].editingFinished.emit()
    assert signal.args == [(1.0, 0.25, 1.0)]
    box.ensurePolished()
    assert box.minimumSizeHint().width() <= 335  # the dock must not become wider for it
