from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.panel import FinetunePanel
from napari_selfreg.widgets.shared import shared_for
from tests.widgets.fakes import write_model
from tests.widgets.finetune.cases import FakeTuning, new_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two corrected fields."""
    opened = new_project(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def make_tuning(make_viewer: Callable[..., Any], tmp_path: Path, project) -> Callable[..., Any]:
    """Make a panel of a viewer: ``viewer, panel, job = make_tuning()``."""

    def make(
        job: FakeTuning | None = None,
        show: bool = False,
        opened: bool = True,
        window: bool = False,
    ) -> Any:
        viewer, dock = make_viewer(window, show)
        if opened:
            shared_for(viewer).set_project(project)
        job = job or FakeTuning()

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = FinetunePanel(viewer, models={"spots": write_model(tmp_path)}, job=run)
        dock(panel, name="Fine-tune")
        return viewer, panel, job

    return make
