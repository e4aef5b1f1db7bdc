from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from PIL import Image as Pillow

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.samples import volume_samples
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.open_form import ONLY_VOLUMES
from napari_selfreg.widgets.sample_data import hippocampus
from napari_selfreg.widgets.volume.layers import VOLUME_KEY, is_volume
from napari_selfreg.widgets.volume.opening import (
    contrast_limits,
    open_volume_layer,
    paths_in,
    read_volume_facts,
)
from tests.io.image_files import tissue
from tests.io.volume.files import nifti, unplaced
from tests.test_manifest import MANIFEST
from tests.widgets.open_steps import docked, drop, open_and_wait, wait_shown

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


def test_saved_results_are_seen_in_the_list(panel, qtbot, head: Path) -> None:
    folder = head.parent / "results"
    folder.mkdir()
    for path in volume_output_paths(folder, "head").values():
        path.write_bytes(b"")
    open_and_wait(panel, qtbot, head, "head")
    assert "◐ segmented" in panel.form.view.item(0).text()
    assert not panel.fields[0].recalled


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
    qtbot.waitUntil(lambda: "broken.nii.gz" in panel.form.status.text(), timeout=20_000)
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
