from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.widgets.correct.steps import add_result_of_file
from tests.widgets.waits import LONG


def test_the_view_comes_back_with_the_project(panel: Any, tmp_path: Path, qtbot) -> None:
    viewer, made = panel
    add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    qtbot.waitUntil(lambda: not made.camera._soon.isActive(), timeout=LONG)
    camera = viewer.scene.camera
    camera.center, camera.zoom = (10.0, 12.0), 33.0
    facts = lambda: made.desk.project.facts("f1").camera  # noqa: E731
    qtbot.waitUntil(lambda: facts() is not None and facts().zoom == 33.0, timeout=LONG)
    assert facts().center == pytest.approx((20.5, 24.5))  # half a micrometre per pixel
    folder = made.desk.project.folder
    made.desk.close()
    viewer.layers.clear()
    camera.zoom = 1.0
    made.open_project(folder)
    qtbot.waitUntil(lambda: camera.zoom == 33.0, timeout=LONG)
    assert camera.center[-2:] == pytest.approx((10.0, 12.0))


def test_without_a_field_nothing_is_kept(panel: Any) -> None:
    viewer, made = panel
    viewer.scene.camera.zoom = 5.0
    made.camera.keep()
    made.camera.restore()
    assert viewer.scene.camera.zoom == 5.0
