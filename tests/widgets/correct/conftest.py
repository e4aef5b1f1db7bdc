from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.correct.panel import CorrectPanel
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from tests.widgets.correct.steps import add_result_of_file


@pytest.fixture
def desk(make_napari_viewer_proxy, tmp_path: Path) -> Any:
    """A viewer with a result of a file on it, and a desk with its project open."""
    viewer = make_napari_viewer_proxy()
    owner = QWidget()
    viewer.window.add_dock_widget(owner, name="owner")
    _, layer = add_result_of_file(viewer, tmp_path)
    desk = ProjectDesk(viewer, owner)
    desk.start()
    yield viewer, desk, layer
    desk.close()


@pytest.fixture
def panel(make_napari_viewer_proxy) -> Any:
    """A viewer with a Correct panel in its window."""
    viewer = make_napari_viewer_proxy()
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Correct")
    yield viewer, panel
    panel.desk.close()


@pytest.fixture
def light(qtbot, tmp_path: Path) -> Any:
    """Viewer, desk, layer and owner of an open project, without a window: made in no time."""
    viewer, owner = ViewerModel(), QWidget()
    qtbot.addWidget(owner)
    _, layer = add_result_of_file(viewer, tmp_path, classes=("spot", "other"), probability=None)
    desk = ProjectDesk(viewer, owner)
    desk.start()
    yield SimpleNamespace(viewer=viewer, desk=desk, layer=layer, owner=owner)
    desk.close()
