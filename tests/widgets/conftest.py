from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
def field() -> np.ndarray:
    """A bright field, 60 × 80, with three dark spots; colours, uint8."""
    picture = np.full((60, 80, 3), 220, np.uint8)
    picture[5:15, 10:30] = 30
    picture[30:40, 50:60] = 30
    picture[50:60, 0:10] = 30
    return picture


@pytest.fixture
def make_panel(make_napari_viewer_proxy, tmp_path: Path) -> Callable[..., Any]:
    """Make a panel docked in a viewer: ``viewer, panel, job = make_panel()``."""

    def make(job: FakeJob | None = None, show: bool = False, **card: Any) -> Any:
        viewer = make_napari_viewer_proxy(show=show)
        job = job or FakeJob()
        models = {"spots": write_model(tmp_path, **card)}

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = SegmentPanel(viewer, models=models, job=run)
        viewer.window.add_dock_widget(panel, name="Segment")
        return viewer, panel, job

    return make
