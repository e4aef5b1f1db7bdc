from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.io.project import journal
from napari_selfreg.widgets.correct.panel import CorrectPanel
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from tests.widgets.correct.steps import add_result_of_file


@pytest.fixture
def desk(qtbot, tmp_path: Path) -> Any:
    """A viewer with a result of a file on it, and a desk with its project open."""
    viewer, owner = ViewerModel(), QWidget()
    qtbot.addWidget(owner)
    _, layer = add_result_of_file(viewer, tmp_path)
    desk = ProjectDesk(viewer, owner)
    desk.start()
    yield viewer, desk, layer
    desk.close()


@pytest.fixture
def panel(qtbot) -> Any:
    """A viewer without a window, and its Correct panel: made in no time."""
    viewer = ViewerModel()
    panel = CorrectPanel(viewer)
    qtbot.addWidget(panel)
    yield viewer, panel
    panel.desk.close()


@pytest.fixture
def opened(panel: Any, tmp_path: Path) -> Any:
    """A Correct panel with a project of the squares open, and the layer of its field."""
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path)
    made.box.start_button.click()
    return made, layer


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


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """A context in which the disk takes no record; without them no snapshot is taken either."""

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def full() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(journal, "_write_all", refuse)
            yield

    return full
