"""One run on a volume from its start to its end, without a window."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.engine.events import Progress
from napari_selfreg.widgets import panel_job
from napari_selfreg.widgets.segment_setup import SegmentSettings
from napari_selfreg.widgets.volume import run as volume_run
from napari_selfreg.widgets.volume.result_info import volume_result_info
from napari_selfreg.widgets.volume.run import OTHER_VOXELS, VolumeRun
from napari_selfreg.widgets.volume.segment_job import VolumeFound, VolumeRequest
from napari_selfreg.widgets.volume.voxel_size import change_spacing
from tests.widgets.volume.conftest import MM, volume_card
from tests.widgets.waits import LONG

SETTINGS = SegmentSettings(Path("tiny"), None, "whole", "cpu")


def bright(request: VolumeRequest) -> Any:
    voxels = request.view.read()
    yield Progress(1, 1)
    labels = (voxels > 100).astype(np.int32)
    table = measure_classes(labels, voxels, request.view.spacing, ("front", "back"))
    return VolumeFound(request.view.as_layer(labels), table, (), "0123")


@pytest.fixture
def made(qtbot, scan: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run, its viewer with a scan, and the errors and sentences that were told."""
    errors: list[str] = []
    monkeypatch.setattr(panel_job, "show_error", errors.append)
    viewer, owner, said = ViewerModel(), QWidget(), []
    qtbot.addWidget(owner)
    layer = viewer.add_image(scan, name="scan", **MM)
    run = VolumeRun(viewer, owner, bright)
    run.told.connect(said.append)
    return SimpleNamespace(
        viewer=viewer, layer=layer, run=run, said=said, errors=errors, owner=owner
    )


def ended(made: Any, qtbot: Any) -> str:
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.run.start(made.layer, SETTINGS, volume_card())
    return str(signal.args[0])


def test_its_classes_are_added_and_said(made: Any, qtbot) -> None:
    assert ended(made, qtbot).startswith("Found in")
    assert [each.name for each in made.viewer.layers] == ["scan", "scan tiny"]
    assert made.said[0].startswith("Waiting")
    assert made.said[1] == "Starting…"
    assert not made.errors


def test_a_result_that_cannot_be_shown_is_told(
    made: Any, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(volume_run, "add_classes", fail)
    assert "memory" in ended(made, qtbot)
    assert len(made.errors) == 1
    assert [each.name for each in made.viewer.layers] == ["scan"]
    assert not made.run.runner.running


def test_voxels_that_got_another_size_meanwhile_count_with_it(made: Any, qtbot) -> None:
    gate = threading.Event()

    def slow(request: VolumeRequest) -> Any:
        assert gate.wait(LONG / 1000)
        return (yield from bright(request))

    ended(made, qtbot)
    before = made.viewer.layers["scan tiny"]
    old = before.features["volume_mm3"].to_numpy(copy=True)
    made.run = VolumeRun(made.viewer, made.owner, slow)
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.run.start(made.layer, SETTINGS, volume_card())
        change_spacing(made.viewer, made.layer, (2.0, 1.0, 1.0))
        gate.set()
    assert OTHER_VOXELS in signal.args[0]
    found = made.viewer.layers["scan tiny [1]"]
    np.testing.assert_allclose(found.scale, (2, 1, 1))
    assert volume_result_info(found).grid.spacing == (2, 1, 1)
    np.testing.assert_allclose(found.features["volume_mm3"], 2 * old)
    np.testing.assert_allclose(before.features["volume_mm3"], 2 * old)
