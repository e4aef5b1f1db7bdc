from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.widgets.inside.panel import InsidePanel
from tests.widgets.inside.fakes import FakeLook, write_network


@pytest.fixture
def make_inside(make_viewer: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Make the panel of a viewer: ``viewer, panel, job = make_inside()``."""

    def make(job: FakeLook | None = None, show: bool = False, window: bool = False) -> Any:
        viewer, dock = make_viewer(window, show)
        job = job or FakeLook()
        models = {name: write_network(tmp_path, name) for name in ("spots", "other")}

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = InsidePanel(viewer, models=models, job=run)
        dock(panel, name="Look inside")
        return viewer, panel, job

    return make
