"""Labels of a part of a slide, at a coarser level: as a field, and back at the same place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import platformdirs
import pytest

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.io.samples import samples
from napari_selfreg.widgets import result_layer
from napari_selfreg.widgets.correct.layer_fields import adopt, folder_for, image_path
from napari_selfreg.widgets.layers import picture_of, pixel_size_of
from napari_selfreg.widgets.readers import open_layer
from napari_selfreg.widgets.result_info import RESULT_KEY, result_info
from napari_selfreg.widgets.result_layer import add_result
from tests.io.image_files import smooth, write_svs
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.results_steps import info_for, squares
from tests.widgets.waits import LONG


def test_a_region_of_a_slide_comes_back_where_it_was(
    panel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    monkeypatch.setattr(result_layer, "WHOLE_PLANE_PIXELS", 0)
    viewer, made = panel
    write_svs(tmp_path / "slide.svs", smooth(256, 384))
    data, arguments, _ = open_layer(tmp_path / "slide.svs")
    image = viewer.add_image(data, **arguments)
    full = pixel_size_of(image)
    coarse = image.downsample_factors[-1]
    picture = picture_of(viewer, image, PixelSize(full.y * coarse[0], full.x * coarse[1]))
    factors = tuple(float(each) for each in picture.plane_factors)
    rows, columns = picture.shape
    box = Box(rows // 4, columns // 4, rows // 2, columns // 2)
    labels = np.zeros(box.shape, np.int32)
    labels[2:6, 2:8] = 1
    info = info_for(
        labels, box=box, factors=factors, pixel_size=full, image_layer_id=image.unique_id,
        probability=None,
    )  # fmt: skip
    found = SimpleNamespace(labels=labels, box=box, table={"index": np.array([1])})
    layer = add_result(viewer, image, picture, found, "slide spots", info)
    assert layer.data.shape == box.shape
    extent = layer.extent.world

    made.box.start_button.click()
    record = made.desk.project.field("f1")
    assert record.image_shape == (256, 384)
    assert record.shape == box.shape
    assert record.downsample == factors
    assert record.offset == (box.y0 * factors[0], box.x0 * factors[1])
    stroke(layer, 8, 9)
    held = np.array(layer.data)
    made.regions.put(np.array([(1, 1), (1, 4), (3, 4), (3, 1)], float), "rectangle")
    (region,) = made.regions.all.values()
    np.testing.assert_allclose(region.array()[0], np.array(record.offset) + factors)

    folder = made.desk.project.folder
    made.desk.close()
    viewer.layers.clear()
    made.open_project(folder)
    qtbot.waitUntil(lambda: made.desk.link is not None, timeout=LONG)
    again = made.desk.link.layer
    assert np.array_equal(again.data, held)
    np.testing.assert_allclose(again.extent.world, extent, atol=1e-6)


def test_the_settings_of_the_objects_are_kept(desk: Any, qtbot) -> None:
    viewer, made, layer = desk
    own = result_info(layer).settings
    assert own != PostProcessing()
    folder = made.project.folder
    made.close()
    viewer.layers.clear()
    made.open(folder)
    qtbot.waitUntil(lambda: made.link is not None, timeout=LONG)
    assert made.project.field("f1").settings == own
    assert result_info(made.link.layer).settings == own


@pytest.mark.parametrize("skip", [True, False])
def test_whether_glass_was_left_out_is_kept(panel, tmp_path: Path, qtbot, skip: bool) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    layer.metadata[RESULT_KEY] = replace(result_info(layer), skip_glass=skip)
    made.desk.start()
    folder = made.desk.project.folder
    assert made.desk.project.field("f1").skip_glass is skip
    made.desk.close()
    viewer.layers.clear()
    made.desk.open(folder)
    qtbot.waitUntil(lambda: made.desk.link is not None, timeout=LONG)
    assert result_info(made.desk.link.layer).skip_glass is skip


def test_labels_from_elsewhere_have_none(panel: Any, tmp_path: Path) -> None:
    viewer, made = panel
    _, result = add_result_of_file(viewer, tmp_path)
    viewer.layers.remove(result)
    viewer.add_labels(squares())
    made.desk.start()
    assert made.desk.project.field("f1").settings is None


def test_labels_drawn_on_a_slice_belong_to_that_slice(panel: Any) -> None:
    viewer, _ = panel
    stack = np.zeros((3, 30, 40, 3), np.uint8)
    viewer.add_image(stack, rgb=True, scale=(1, 0.5, 0.5), units=["um"] * 3)
    viewer.dims.set_current_step(0, 2)
    labels = viewer.add_labels(np.ones((30, 40), np.int32), scale=(0.5, 0.5), units=["um"] * 2)
    info = adopt(viewer, labels)
    viewer.dims.set_current_step(0, 0)
    assert adopt(viewer, labels) is info
    assert 2 in info.plane.position


def test_projects_of_samples_go_to_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_documents_path", lambda: tmp_path)
    folder = folder_for(samples()[0].path)
    assert folder.is_relative_to(tmp_path)
    assert folder.name == "samples corrections.selfreg"


def test_the_file_of_an_image() -> None:
    named = SimpleNamespace(metadata={}, source=SimpleNamespace(path=__file__))
    assert image_path(named) == Path(__file__)
    for path in (None, "/nowhere/at/all.png"):
        assert image_path(SimpleNamespace(metadata={}, source=SimpleNamespace(path=path))) is None
