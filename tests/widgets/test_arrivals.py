"""Images that come into the viewer by another door than the Open panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.arrivals import STATED
from napari_selfreg.widgets.image_layers import source_info, um_source
from napari_selfreg.widgets.layers import ORIGIN_KEY, pixel_size_of
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.scale_guide import NAME
from tests.io.image_files import smooth, tissue
from tests.test_manifest import MANIFEST
from tests.widgets.open_steps import docked, wait_shown, write_fields
from tests.widgets.panel_steps import names
from tests.widgets.waits import LONG


@pytest.fixture
def viewer(npe2pm, make_napari_viewer_proxy):
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)), npe2pm.tmp_plugin(package="napari"):
        yield make_napari_viewer_proxy()


@pytest.fixture
def panel(viewer) -> OpenPanel:
    return docked(viewer)


def stems(panel: OpenPanel) -> list[str]:
    return [each.stem for each in panel.fields]


def pictures(viewer) -> list[str]:
    return [name for name in names(viewer) if name != NAME]


def test_a_folder_opened_by_file_open_is_listed_whole(panel, viewer, tmp_path, qtbot) -> None:
    folder = write_fields(tmp_path / "case")
    assert viewer.open(folder, plugin="napari-selfreg") == []  # the panel opens it, in a thread
    wait_shown(panel, qtbot, "a")
    qtbot.waitUntil(lambda: stems(panel) == ["a", "b", "c"], timeout=LONG)
    assert pictures(viewer) == ["a"]


def test_several_files_make_no_pile(panel, viewer, tmp_path: Path, qtbot) -> None:
    folder = write_fields(tmp_path / "case")
    viewer.open(sorted(folder.iterdir()), plugin="napari-selfreg")
    qtbot.waitUntil(lambda: stems(panel) == ["a", "b", "c"], timeout=LONG)
    # The first one, unless the machine is so slow that they come one by one.
    shown = wait_shown(panel, qtbot, panel.fields.current.stem)
    assert pictures(viewer) == [shown.name]


def test_images_that_were_there_before_the_panel_are_listed(viewer, tmp_path, qtbot) -> None:
    folder = write_fields(tmp_path / "case")
    (layer,) = viewer.open(folder / "b.png", plugin="napari-selfreg")
    panel = docked(viewer)
    assert wait_shown(panel, qtbot, "b") == layer


def write_slide(folder: Path) -> Path:
    path = folder / "slide.tif"
    tifffile.imwrite(
        path,
        smooth(128, 96),
        photometric="rgb",
        tile=(64, 64),
        resolution=(20000, 20000),
        resolutionunit="CENTIMETER",
    )
    return path


def test_what_napari_has_read_gets_its_pixel_size_and_the_lazy_way(
    panel, viewer, tmp_path: Path, qtbot
) -> None:
    (layer,) = viewer.open(write_slide(tmp_path), plugin="napari")
    assert pixel_size_of(layer) is None
    wait_shown(panel, qtbot, "slide")
    half = pytest.approx(0.5)
    assert (pixel_size_of(layer).y, pixel_size_of(layer).x) == (half, half)
    assert layer.metadata[ORIGIN_KEY] == STATED
    assert um_source(layer) == "file"
    assert panel.form.lazy_button.isVisibleTo(panel)
    panel.form.lazy_button.click()
    qtbot.waitUntil(lambda: panel.stage.image not in (None, layer), timeout=LONG)
    assert source_info(panel.stage.image).lazy
    assert layer not in viewer.layers
    assert pictures(viewer) == ["slide"]
    assert not panel.form.lazy_button.isVisibleTo(panel)


def test_other_layers_are_left_alone(panel, viewer, tmp_path: Path, qtbot) -> None:
    array = viewer.add_image(tissue(), name="array", rgb=True)
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 8, 8), np.uint8))
    (stack,) = viewer.open(tmp_path / "stack.tif", plugin="napari")
    qtbot.waitUntil(lambda: panel.arrivals.idle, timeout=LONG)
    assert source_info(array) is None
    assert source_info(stack) is None
    assert len(panel.fields) == 0
    assert not panel.form.voxels.isHidden()  # the stack is a volume, and selected
    viewer.layers.selection.active = array
    assert panel.form.chooser.isEnabled()  # of an array too a size can be chosen
    assert panel.form.voxels.isHidden()
    viewer.layers.selection.active = array
    panel.form.chooser.buttons["40×"].click()
    assert pixel_size_of(array) == PixelSize.isotropic(0.25)
