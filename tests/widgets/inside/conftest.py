from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.widgets.inside.panel import InsidePanel
from tests.widgets.inside.fakes import FakeLook, write_network


@pytest.fixture
def make_inside(make_napari_viewer_proxy, tmp_path: Path) -> Callable[..., Any]:
    """Make the panel docked in a viewer: ``viewer, panel, job = make_inside()``."""

    def make(job: FakeLook | None = None, show: bool = False) -> Any:
        viewer = make_napari_viewer_proxy(show=show)
        job = job or FakeLook()
        models = {name: write_network(tmp_path, name) for name in ("spots", "other")}

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = InsidePanel(viewer, models=models, job=run)
        viewer.window.add_dock_widget(panel, name="Look inside")
        return viewer, panel, job

    return make
