"""A person's way through the window: the real plugin, the real engine, a small model."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_plane import table_of
from tests.bundles import tiny_bundle

LONG = 60_000
"""Milliseconds: the first job imports torch and monai."""


@pytest.fixture
def workbench(bench: Any) -> Any:
    """A viewer with our plugin, and the Segment panel of its Workbench."""
    viewer, opened = bench
    return viewer, opened.segment_panel


def test_from_the_sample_to_objects(workbench, qtbot) -> None:
    viewer, panel = workbench
    viewer.open_sample("napari-selfreg", "ebhi_normal")
    image = viewer.layers[0]
    threads: set[str] = set()
    panel.runner.received.connect(lambda _: threads.add(threading.current_thread().name))
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    labels = signal.args[0]
    assert [layer.name for layer in viewer.layers] == [image.name, f"{image.name} tiny"]
    assert labels.data.dtype == np.int32
    assert labels.data.shape == image.data.shape[:2]
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    assert labels.units == image.units
    assert len(table_of(labels.features)["index"]) == labels.data.max()
    assert "area_um2" in labels.features
    assert threads == {threading.main_thread().name}
    assert "found in" in panel.status.text()


def test_a_view_of_a_slide_gives_the_same_objects_as_the_region(workbench, qtbot) -> None:
    viewer, panel = workbench
    viewer.open_sample("napari-selfreg", "cmu1_region")
    image = viewer.layers[0]
    rows, columns = image.data.shape[:2]
    viewer.scene.camera.center = tuple(np.array([rows, columns]) / 2 * 0.499)
    viewer.canvas.size = (200, 200)
    viewer.scene.camera.zoom = 2
    panel.area_picker.setValue("view")
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    labels = signal.args[0]
    assert labels.data.shape == (rows, columns)
    inside = np.zeros((rows, columns), bool)
    half = round(100 / 2 / 0.499) + 2
    inside[rows // 2 - half : rows // 2 + half, columns // 2 - half : columns // 2 + half] = True
    assert not labels.data[~inside].any()


def test_cancelling_the_real_engine_twice_leaves_nothing_behind(workbench, qtbot) -> None:
    viewer, panel = workbench
    viewer.open_sample("napari-selfreg", "cmu1_region")
    panel.run_button.click()
    qtbot.waitUntil(
        lambda: (
            any(OWN_KEY in layer.metadata for layer in viewer.layers) or not panel.runner.running
        ),
        timeout=LONG,
    )
    if panel.runner.running:  # a fast machine may be done already
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            panel.cancel()  # would keep what is finished
            panel.cancel()
        assert len(viewer.layers) == 1
    with qtbot.waitSignal(panel.segmented, timeout=LONG):
        panel.run_button.click()


def test_a_model_that_breaks_in_the_engine_is_told(workbench, qtbot, tmp_path: Path) -> None:
    viewer, panel = workbench
    viewer.open_sample("napari-selfreg", "ebhi_low_grade")
    chosen = panel.model_picker.value()
    chosen.write_bytes(b"\x80\x04 a pickle by now")
    with qtbot.waitSignal(panel.runner.failed, timeout=LONG):
        panel.run_button.click()
    assert "tiny.safetensors" in panel.status.text()
    assert "pickle" in panel.status.text()
    assert len(viewer.layers) == 1
    tiny_bundle(chosen)
    with qtbot.waitSignal(panel.segmented, timeout=LONG):
        panel.run_button.click()


def test_an_image_smaller_than_a_tile_and_a_single_pixel(workbench, qtbot) -> None:
    viewer, panel = workbench
    for shape in ((1, 1, 3), (7, 40, 3)):
        viewer.add_image(np.full(shape, 200, np.uint8), rgb=True, units=["um", "um"])
        with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
            panel.run_button.click()
        assert signal.args[0].data.shape == shape[:2]


def test_other_depths_and_grey(workbench, qtbot) -> None:
    viewer, panel = workbench
    for side, dtype in enumerate((np.uint16, np.float32, bool), start=40):
        data = (np.random.default_rng(0).random((side, 50)) * 3).astype(dtype)
        viewer.add_image(data, units=["um", "um"])
        with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
            panel.run_button.click()
        assert signal.args[0].data.shape == (side, 50), dtype
