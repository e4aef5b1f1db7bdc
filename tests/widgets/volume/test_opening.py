from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from PIL import Image as Pillow

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.engine.events import run
from napari_selfreg.io.samples import volume_samples
from napari_selfreg.io.volume import read_volume
from napari_selfreg.io.volume.outputs import write_volume_results
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.open_form import ONLY_VOLUMES
from napari_selfreg.widgets.sample_data import hippocampus
from napari_selfreg.widgets.volume.layers import VOLUME_KEY, is_volume, volume_of
from napari_selfreg.widgets.volume.opening import (
    contrast_limits,
    open_volume_layer,
    paths_in,
    read_volume_facts,
)
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo, volume_result_info
from napari_selfreg.widgets.volume.run import add_classes
from napari_selfreg.widgets.volume.saved import load_saved_volume, show_saved_volume
from napari_selfreg.widgets.volume.segment_job import VolumeFound
from tests.io.image_files import tissue
from tests.io.volume.files import nifti, unplaced
from tests.test_manifest import MANIFEST
from tests.widgets.open_steps import docked, drop, open_and_wait, wait_shown
from tests.widgets.waits import LONG

AFFINE = np.array([[0.5, 0, 0, -7], [0, 1, 0, 11], [0, 0, 2, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A volume of 6 x 5 x 4 voxels (x, y, z) with its place, and one wild voxel."""
    values = np.random.default_rng(0).normal(100, 10, (6, 5, 4)).astype(np.float32)
    return nifti(tmp_path / "scans" / "head.nii.gz", values, AFFINE)


@pytest.fixture
def panel(make_napari_viewer_proxy):
    return docked(make_napari_viewer_proxy())


def test_a_volume_is_one_grey_layer_in_millimetres(head: Path) -> None:
    data, arguments, kind = open_volume_layer(head)
    layer = Image(data, **arguments)
    assert (kind, layer.name, layer.data.shape) == ("image", "head", (4, 5, 6))
    assert layer.data.dtype == np.float32
    assert not layer.rgb
    np.testing.assert_allclose(layer.scale, (2, 1, 0.5))
    np.testing.assert_allclose(layer.translate, (5, 11, -7))
    assert {str(unit) for unit in layer.units} == {"millimeter"}
    assert is_volume(layer)
    assert source_info(layer).path == head


def test_wild_voxels_do_not_darken_the_rest() -> None:
    voxels = np.random.default_rng(0).normal(100, 10, (20, 20, 20)).astype(np.float32)
    voxels[3, 3, 3] = 1e6
    low, high = contrast_limits(voxels)
    assert 60 < low < high < 140
    low, high = contrast_limits(np.full((3, 3, 3), 7, np.float32))
    assert low == 7 < high


def test_the_thumbnail_is_the_middle_slice_with_its_front_at_the_top(tmp_path: Path) -> None:
    values = np.zeros((6, 5, 5), np.float32)
    values[:, -1, 2] = 100  # the front of the middle slice
    values[:, :, 0] = 50
    facts = read_volume_facts(nifti(tmp_path / "a.nii", values))
    assert (facts.shape, facts.slices) == ((5, 6), 5)
    assert facts.thumbnail.shape == (5, 6, 3)
    assert facts.thumbnail[0].min() > facts.thumbnail[1:].max()


def test_a_folder_is_listed_with_its_pictures_and_volumes(head: Path) -> None:
    folder = head.parent
    Pillow.fromarray(tissue()).save(folder / "b.png")
    tifffile.imwrite(folder / "stack.tif", np.zeros((7, 8, 9), np.uint16))
    nifti(folder / "head_labels.nii.gz")
    assert [path.name for path in paths_in(folder)] == ["b.png", "head.nii.gz", "stack.tif"]
    assert paths_in(head) == [head]


def test_a_data_set_is_listed_by_its_images(tmp_path: Path) -> None:
    for part in ("imagesTr", "labelsTr"):
        nifti(tmp_path / part / "case_1.nii.gz")
    assert [path.parent.name for path in paths_in(tmp_path)] == ["imagesTr"]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no image"):
        paths_in(tmp_path)


def test_the_panel_opens_a_volume_and_lists_it(panel, qtbot, head: Path) -> None:
    image = open_and_wait(panel, qtbot, head.parent, "head")
    assert is_volume(image)
    assert panel.form.view.item(0).text() == "head.nii.gz\n○ new · 6 × 5 × 4 voxels"
    assert panel.form.size_group.isHidden()  # its file states the size of its voxels
    panel.form.set_runnable(True)
    assert panel.form.missing() == ONLY_VOLUMES
    assert not panel.fields.to_run()
    panel.form.set_runnable(True, volumes=True)
    assert panel.form.missing() == ""
    assert [each.path for each in panel.fields.to_run(volumes=True)] == [head]


def test_saved_results_come_back_with_their_volume(panel, qtbot, head: Path) -> None:
    volume = read_volume(head)
    labels = np.zeros(volume.shape, np.int32)
    labels[1:3, 1:4, 1:3] = 2
    table = measure_classes(labels, None, volume.spacing, ("front", "back"), volume.affine)
    write_volume_results(head.parent / "results", labels, table, volume, model="tiny", version="7")
    open_and_wait(panel, qtbot, head, "head")
    assert "◐ segmented" in panel.form.view.item(0).text()
    viewer = panel._viewer
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LONG)
    info = volume_result_info(viewer.layers[1])
    assert (info.model_name, info.model_version, info.classes) == ("tiny", "7", ("front", "back"))
    np.testing.assert_array_equal(viewer.layers[1].data, labels)
    np.testing.assert_allclose(viewer.layers[1].translate, viewer.layers[0].translate)


def test_saved_results_of_another_grid_or_without_a_table_stay_away(
    make_napari_viewer_proxy, head: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    data, arguments, _ = open_volume_layer(head)
    image = viewer.add_image(data, **arguments)
    volume = read_volume(head)
    labels = np.ones(volume.shape, np.int32)
    table = measure_classes(labels, None, volume.spacing, ("front",), volume.affine)
    files = write_volume_results(head.parent / "results", labels, table, volume, model="tiny")
    saved = run(load_saved_volume(head, None))
    moved = replace(saved, grid=replace(saved.grid, affine=saved.grid.affine + np.eye(4)[3] * 9))
    assert show_saved_volume(viewer, image, moved) is None
    files["measurements"].write_text("nothing")
    assert run(load_saved_volume(head, None)).classes == ("class 1",)
    files["measurements"].unlink()
    with pytest.raises(BadInputError, match="segment it again"):
        run(load_saved_volume(head, None))


def test_rows_to_the_front_are_shown_upwards_and_pictures_as_ever(
    panel, qtbot, head: Path, tmp_path: Path
) -> None:
    Pillow.fromarray(tissue()).save(tmp_path / "b.png")
    camera = panel._viewer.scene.camera
    before = tuple(camera.orientation2d)
    open_and_wait(panel, qtbot, head, "head")
    assert tuple(map(str, camera.orientation2d)) == ("up", "right")
    open_and_wait(panel, qtbot, tmp_path / "b.png", "b")
    assert tuple(camera.orientation2d) == before


def test_a_drop_brings_the_same_layer(panel, qtbot, head: Path) -> None:
    assert drop(panel, head) == (True, True)
    image = wait_shown(panel, qtbot, "head")
    np.testing.assert_allclose(image.scale, (2, 1, 0.5))


def test_what_was_assumed_and_what_fails_is_one_sentence(panel, qtbot, tmp_path: Path) -> None:
    open_and_wait(panel, qtbot, unplaced(tmp_path / "plain.nii"), "plain")
    assert "states no orientation" in panel.form.status.text()
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"\x1f\x8b no volume")
    panel.open_paths([broken])
    qtbot.waitUntil(lambda: "broken.nii.gz" in panel.form.status.text(), timeout=LONG)
    assert panel.form.status.text().count(".nii.gz") == 1


def test_the_menu_of_napari_opens_it_too(npe2pm, make_napari_viewer_proxy, head: Path) -> None:
    viewer = make_napari_viewer_proxy()
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        (layer,) = viewer.open(head, plugin="napari-selfreg")
    assert is_volume(layer)
    assert layer.metadata[VOLUME_KEY].affine is not None


def test_the_sample_is_a_volume_with_its_licence() -> None:
    ((data, arguments, _),) = hippocampus()
    layer = Image(data, **arguments)
    (sample,) = volume_samples()
    assert is_volume(layer)
    assert layer.name == "Hippocampus"
    assert layer.metadata["licence"] == sample.licence == "CC-BY-SA-4.0"
    assert layer.metadata["attribution"] == sample.attribution


def test_a_result_knows_its_volume_after_that_was_opened_anew(
    make_napari_viewer_proxy, head: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    stage, field = FieldStage(viewer), Field(head)
    first = stage.show(field, open_volume_layer(head))
    view = volume_of(first)
    labels = np.ones(first.data.shape, np.int32)
    info = VolumeResultInfo("m", "M", "0", ("a",), first.unique_id, view.grid)
    added = add_classes(viewer, first, VolumeFound(labels, {"index": np.array([1])}), info)
    stage.clear()
    again = stage.show(field, open_volume_layer(head))
    assert added in viewer.layers
    assert volume_result_info(added).image_layer_id == again.unique_id != first.unique_id
