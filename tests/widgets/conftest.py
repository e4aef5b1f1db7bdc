from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.io import remembered, speeds, terms
from napari_selfreg.widgets import runner
from napari_selfreg.widgets.segment_panel import SegmentPanel
from tests.widgets.fakes import FakeJob, write_model


@pytest.fixture(autouse=True)
def _own_settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "settings_folder", lambda: tmp_path / "settings")
    monkeypatch.setattr(terms, "_shown_here", set())
    monkeypatch.setattr(speeds, "_here", {})
    monkeypatch.setattr(remembered, "settings_folder", lambda: tmp_path / "settings")
    monkeypatch.setattr(remembered, "_here", {})


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test() -> Iterator[None]:
    yield
    runner.stop_all_jobs()


@pytest.fixture
def python_collects() -> Iterator[None]:
    """As in a program that nobody tests."""
    gc.enable()
    yield
    gc.disable()


@pytest.fixture
def field() -> np.ndarray:
    """A bright field, 60 × 80, with three dark spots; colours, uint8."""
    picture = np.full((60, 80, 3), 220, np.uint8)
    picture[5:15, 10:30] = 30
    picture[30:40, 50:60] = 30
    picture[50:60, 0:10] = 30
    return picture


@pytest.fixture
def make_viewer(request: pytest.FixtureRequest, qtbot: Any) -> Callable[..., Any]:
    """Make a viewer and what docks a panel in it: ``viewer, dock = make_viewer(window=True)``.

    Without a window a viewer is made in no time, and its panel stands alone.
    """

    def make(window: bool = False, show: bool = False) -> Any:
        if window or show:
            viewer = request.getfixturevalue("make_napari_viewer_proxy")(show=show)
            return viewer, viewer.window.add_dock_widget
        return ViewerModel(), lambda panel, name: qtbot.addWidget(panel)

    return make


@pytest.fixture
def make_panel(make_viewer: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Make a panel of a viewer: ``viewer, panel, job = make_panel()``."""

    def make(
        job: FakeJob | None = None, show: bool = False, window: bool = False, **card: Any
    ) -> Any:
        viewer, dock = make_viewer(window, show)
        job = job or FakeJob()
        models = {"spots": write_model(tmp_path, **card)}

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = SegmentPanel(viewer, models=models, job=run)
        dock(panel, name="Segment")
        return viewer, panel, job

    return make
