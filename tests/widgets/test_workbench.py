from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.totals import Totals
from napari_selfreg.widgets import workbench as workbench_module
from napari_selfreg.widgets.workbench import TITLE, Workbench, add_workbench, launch
from tests.widgets.panel_steps import double_click
from tests.widgets.waits import LONG

PLUGIN_START = """
import sys, time
import napari
from napari_selfreg.widgets.workbench import add_workbench

viewer = napari.Viewer(show=False)
began = time.perf_counter()
add_workbench(viewer)
print(f"the workbench opened in {time.perf_counter() - began:.2f} s")
import napari_selfreg.widgets.correct.panel, napari_selfreg.widgets.finetune.panel
import napari_selfreg.widgets.inside.panel, napari_selfreg.widgets.results_panel

heavy = {"torch", "monai", "pyqtgraph"} & {name.split(".")[0] for name in sys.modules}
viewer.close()
assert not heavy, heavy
"""


def test_the_workbench_is_docked_with_its_tabs(make_napari_viewer_proxy) -> None:
    viewer = make_napari_viewer_proxy()
    bench = add_workbench(viewer)
    assert viewer.window.dock_widgets[TITLE] == bench
    assert [bench.tabs.tabText(i) for i in range(bench.tabs.count())] == [
        "Open",
        "Segment",
        "Correct",
        "Fine-tune",
        "Look inside",
        "Results",
    ]


def test_it_fits_a_small_screen(make_napari_viewer, qtbot) -> None:
    viewer = make_napari_viewer(show=True)
    bench = add_workbench(viewer)
    viewer.add_image(np.zeros((64, 64, 3), np.uint8), name="a long name " * 20, rgb=True)
    window = viewer.window._qt_window
    window.resize(1280, 800)
    qtbot.wait(100)
    hint = window.minimumSizeHint()
    assert hint.width() <= 1280
    assert hint.height() <= 800
    assert bench.width() <= 400
    panel = bench.open_panel
    page = bench.tabs.widget(0)
    # Nothing is cut off at the right, once the layout has settled.
    qtbot.waitUntil(lambda: panel.width() <= page.viewport().width(), timeout=LONG)


def test_no_tab_widens_the_dock_and_so_moves_the_image(make_napari_viewer, qtbot) -> None:
    bench = add_workbench(make_napari_viewer(show=True))
    for index in range(bench.tabs.count()):
        bench.tabs.setCurrentIndex(index)
        qtbot.wait(20)
    many = Totals(123_456, 1e9, 9.99e8, np.full(9, 23_456.0))
    for column in ("view", "field", "folder"):
        bench.results_panel.form.totals.setTotals(column, many)
    qtbot.wait(20)
    needed = [bench.tabs.widget(index).minimumWidth() for index in range(bench.tabs.count())]
    first = [bench.tabs.tabText(index) for index in range(bench.tabs.count())].index("Segment")
    assert max(needed) < needed[first] + 8


def test_the_panel_in_front_comes_at_once_the_others_when_the_window_rests(
    make_napari_viewer_proxy, qtbot
) -> None:
    bench = Workbench(make_napari_viewer_proxy())
    qtbot.addWidget(bench)
    assert [page.widget() is not None for page in bench._pages] == [
        True,
        *[False] * 5,
    ]
    bench.show()
    width = bench.minimumSizeHint().width()
    qtbot.waitUntil(lambda: all(page.widget() for page in bench._pages), timeout=LONG)
    assert bench.minimumSizeHint().width() <= width  # else the image moves meanwhile
    assert bench._pages[1].widget() is bench.segment_panel
    assert bench._pages[2].widget() is bench.correct_panel
    # A panel behind asks for its width in time: the image must not move when its tab is chosen.
    wanted = bench.segment_panel.minimumSizeHint().width()
    assert bench._pages[1].minimumWidth() >= 0.8 * wanted
    assert bench._pages[-3].widget() is bench.finetune_panel
    assert bench._pages[-2].widget() is bench.inside_panel
    assert bench._pages[-1].widget() is bench.results_panel
    qtbot.waitUntil(lambda: not bench._rest.isActive(), timeout=LONG)


def test_a_tab_makes_its_panel(make_napari_viewer_proxy, qtbot) -> None:
    bench = Workbench(make_napari_viewer_proxy())
    qtbot.addWidget(bench)
    bench.tabs.setCurrentIndex(bench.tabs.count() - 1)
    assert bench._pages[-1].widget() is bench.results_panel
    assert bench._pages[1].widget() is None


@pytest.mark.filterwarnings("ignore:.*setActiveWindow:DeprecationWarning")
def test_a_clicked_tab_takes_the_focus_but_for_the_keys_of_the_picture(
    make_napari_viewer, qtbot
) -> None:
    bench = add_workbench(make_napari_viewer(show=True))
    bar = bench.tabs.tabBar()
    QApplication.setActiveWindow(bench.window())  # no window manager does it in tests
    titles = [bar.tabText(index) for index in range(bar.count())]
    for title, taken in (("Segment", True), ("Correct", False), ("Results", True)):
        index = titles.index(title)
        qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(index).center())
        qtbot.waitUntil(lambda: not bench._clicked.isActive(), timeout=LONG)
        assert bench.tabs.currentIndex() == index
        assert bench._pages[index].widget().hasFocus() is taken


@pytest.mark.parametrize("end", [lambda each: each.setEnabled(False), lambda each: each.hide()])
def test_a_panel_stays_in_place_when_the_pressed_button_goes(qtbot, end) -> None:
    page, panel = workbench_module._PanelScroll(), QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(panel)
    pressed, far = QPushButton("Use it"), QPushButton("Far below")
    column.addWidget(pressed)
    column.addSpacing(2000)
    column.addWidget(far)
    page.setPanel(panel)
    page.resize(300, 200)
    page.show()
    page.activateWindow()
    pressed.setFocus()
    qtbot.waitUntil(pressed.hasFocus, timeout=LONG)
    end(pressed)
    assert page.verticalScrollBar().value() == 0
    assert not far.hasFocus()  # the next key would press it, unseen
    page.focusNextPrevChild(True)
    assert far.hasFocus()
    assert page.verticalScrollBar().value() > 1000  # the key Tab still scrolls


def test_with_a_picture_the_model_comes_next(make_napari_viewer_proxy, qtbot) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.zeros((8, 8, 3), np.uint8), rgb=True)
    bench = Workbench(viewer)
    qtbot.addWidget(bench)
    assert bench.tabs.tabText(bench.tabs.currentIndex()) == "Segment"


def test_launch_opens_one_window_with_it(make_napari_viewer, monkeypatch) -> None:
    import napari

    viewer = make_napari_viewer()
    ran: list[bool] = []
    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    monkeypatch.setattr(napari, "run", lambda: ran.append(TITLE in viewer.window.dock_widgets))
    launch()
    assert ran == [True]
    assert isinstance(viewer.window.dock_widgets[TITLE], Workbench)


@pytest.mark.usefixtures("qapp")  # brings the virtual screen
def test_opening_it_loads_neither_an_engine_nor_a_library_for_plots(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN_START],
        cwd=Path(workbench_module.__file__).parents[2],
        env=os.environ | {"NAPARI_CONFIG": str(tmp_path / "settings.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "opened in" in done.stdout


def test_a_double_click_on_a_button_that_turns_into_cancel_is_one_click(
    make_napari_viewer_proxy, qtbot
) -> None:
    bench = Workbench(make_napari_viewer_proxy())
    qtbot.addWidget(bench)
    outcome = bench.finetune_panel.outcome
    clicks: list[bool] = []
    for button in (
        bench.open_panel.form.run_all_button,
        bench.segment_panel.run_button,
        bench.finetune_panel.start_button,
        outcome.verdict.check_button,
        outcome.comparison.button,
        outcome.resegmenting.button,
        bench.inside_panel.show_button,
    ):
        button.clicked.disconnect()
        button.clicked.connect(lambda: clicks.append(True))
        button.setEnabled(True)
        double_click(button)
    assert len(clicks) == 7
