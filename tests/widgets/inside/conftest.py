from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.inside.looking import Looked, LookRequest, Source
from napari_selfreg.widgets.inside.panel import InsidePanel
from napari_selfreg.widgets.inside.redundancy_view import RedundancyView
from napari_selfreg.widgets.layers import Picture
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import BLOCKS, FakeLook, inside_of, write_network
from tests.widgets.waits import LONG

BOX = Box(4, 0, 60, 80)


@pytest.fixture
def make_inside(make_viewer: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Make the panel of a viewer: ``viewer, panel, job = make_inside()``."""

    def make(
        job: FakeLook | None = None, show: bool = False, window: bool = False, **card: Any
    ) -> Any:
        viewer, dock = make_viewer(window, show)
        job = job or FakeLook()
        models = {name: write_network(tmp_path, name, **card) for name in ("spots", "other")}

        # The runner takes generator functions only, as the engine has them.
        def run(request):
            return (yield from job(request))

        panel = InsidePanel(viewer, models=models, job=run)
        dock(panel, name="Look inside")
        return viewer, panel, job

    return make


@pytest.fixture
def looked(field: np.ndarray, tmp_path: Path) -> Looked:
    picture = Picture(field, (0, 1), (0, 0), (1.0, 1.0), True, name="slide 7")
    sources = tuple(
        Source(name, make_card(name=name), write_network(tmp_path, name)) for name in ("a", "b")
    )
    request = LookRequest(0, picture, BOX, PixelSize(0.5, 0.5), sources, ("a", "b"))
    insides = (
        inside_of(field, BOX, "a", numbers=True),
        inside_of(field, BOX, "b", numbers=True, channels=5),
    )
    return Looked(request, insides, dict.fromkeys(BLOCKS, 0.75))


@pytest.fixture
def view(qtbot, looked) -> RedundancyView:
    made = RedundancyView()
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.drawn, timeout=LONG):
        made.show_looked(looked)
    return made
