"""A project comes through napari's menu and through drops, as images do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.io.project import NewField, Project
from napari_selfreg.widgets.correct.window_watch import WindowWatch
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.readers import get_reader, read_project
from napari_selfreg.widgets.workbench import add_workbench
from tests.test_manifest import MANIFEST
from tests.widgets.correct.steps import save_picture
from tests.widgets.results_steps import UM, squares
from tests.widgets.waits import LONG


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    news = [
        NewField(save_picture(tmp_path, stem, squares()), squares(), UM, "option", ("spot",))
        for stem in ("field 1", "field 2")
    ]
    with Project.create(tmp_path / "p.selfreg", news) as project:
        project.set_state("f2", "done")
        return project.folder


@pytest.fixture
def viewer(npe2pm: Any, make_napari_viewer_proxy: Any) -> Any:
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield make_napari_viewer_proxy()


def test_napari_opens_it_in_the_workbench(viewer: Any, folder: Path, qtbot) -> None:
    bench = add_workbench(viewer)
    viewer.open(folder, plugin="napari-selfreg")
    desk = bench.correct_panel.desk
    qtbot.waitUntil(lambda: desk.link is not None, timeout=LONG)
    assert bench.tabs.currentWidget().widget() is bench.correct_panel
    assert [each.state for each in bench.open_panel.fields] == ["segmented", "done"]
    assert bench.open_panel.fields[0].pixel_size == UM
    desk.show("f2")
    qtbot.waitUntil(lambda: desk.link is not None and desk.link.field == "f2", timeout=LONG)
    desk.close()


def test_no_job_fails_over_results_that_were_never_saved(
    viewer: Any, folder: Path, qtbot, caplog: pytest.LogCaptureFixture
) -> None:
    bench = add_workbench(viewer)
    bench.correct_panel.open_project(folder)
    desk, results = bench.correct_panel.desk, bench.open_panel.results
    qtbot.waitUntil(lambda: desk.link is not None and not results._runner.running, timeout=LONG)
    assert not [each for each in caplog.records if each.message == "a job failed"]
    assert bench.open_panel.fields[0].recalled
    desk.close()


def test_without_a_panel_one_is_opened(viewer: Any, folder: Path, qtbot) -> None:
    assert get_reader(str(folder)) is read_project
    viewer.open(folder, plugin="napari-selfreg")
    (panel,) = [each for each in viewer.window.dock_widgets.values() if hasattr(each, "desk")]
    qtbot.waitUntil(lambda: panel.desk.link is not None, timeout=LONG)
    assert np.array_equal(panel.desk.link.labels, squares())
    assert panel.desk.image.scale[0] == UM.y
    panel.desk.close()


def test_a_drop_on_the_window(viewer: Any, folder: Path) -> None:
    bench = add_workbench(viewer)
    bench.open_panel.open_paths([folder])
    desk = bench.correct_panel.desk
    assert desk.project.folder == folder
    desk.close()


def test_without_a_window_its_images_are_read(folder: Path) -> None:
    layers = read_project(str(folder))
    assert [arguments["name"] for _, arguments, _ in layers] == ["field 1", "field 2"]


def test_an_open_panel_alone_leaves_it(make_napari_viewer_proxy, folder: Path, qtbot) -> None:
    panel = OpenPanel(make_napari_viewer_proxy())
    qtbot.addWidget(panel)
    assert not panel._is_taken(folder)
    assert not panel._is_taken(folder.parent)


def test_the_watch_tells_once_the_window_has_closed(qtbot) -> None:
    from qtpy.QtWidgets import QMainWindow, QWidget

    window, owner = QMainWindow(), QWidget()
    qtbot.addWidget(window)
    window.setCentralWidget(owner)
    watch = WindowWatch(owner)
    window.show()
    with qtbot.waitSignal(watch.left, timeout=LONG):
        window.close()
