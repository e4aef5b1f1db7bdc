"""The whole loop in one window, as a person goes through it, and on in the next one.

From a picture to a better model: the real panels, the real engine, the bundled gland model, a real
mouse on the canvas.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton, QWidget

from napari_selfreg.io import remembered, terms
from napari_selfreg.io.project import Project
from napari_selfreg.io.samples import samples
from napari_selfreg.widgets.workbench import add_workbench
from tests.e2e.canvas import aim, drag
from tests.widgets.open_steps import open_and_wait

LONG = 120_000
"""Milliseconds that only a hanging test needs."""

STEPS = 20
INTO_STROMA = [(125, 122), (130, 127), (136, 135), (142, 143)]
"""From the gland in the middle across its edge."""

NO_GLAND = [(203, 12), (206, 20), (210, 30)]
"""Stroma at the lower left, which no model takes for a gland."""

REVIEWED = (80, 70, 185, 165)
"""Top, left, bottom and right of what is called right: the gland in the middle."""


@pytest.fixture
def window(make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what opens a window with the Workbench, whose settings are those of this test."""
    for kept in (terms, remembered):
        monkeypatch.setattr(kept, "settings_folder", lambda: tmp_path / "settings")
    monkeypatch.setattr(remembered, "_here", {})

    def opened() -> Any:
        viewer = make_napari_viewer(show=True)
        return viewer, add_workbench(viewer)

    return opened


def front(bench: Any, title: str) -> None:
    """Bring a panel to the front."""
    tabs = bench.tabs
    tabs.setCurrentIndex([tabs.tabText(i) for i in range(tabs.count())].index(title))


def ready(panel: QWidget, text: str) -> QPushButton | None:
    """Return the button that says something, wherever it stands, once it can be pressed."""
    for button in panel.findChildren(QPushButton):
        if button.text() == text and button.isVisibleTo(panel) and button.isEnabled():
            return button
    return None


def press(panel: QWidget, text: str, qtbot: Any) -> None:
    """Press the button that says something as soon as it can be pressed."""
    qtbot.waitUntil(lambda: ready(panel, text) is not None, timeout=LONG)
    button = ready(panel, text)
    assert button is not None
    button.click()


def inside(labels: Any) -> np.ndarray:
    """Return a copy of what is reviewed for sure: the drawn edge may fall half a pixel beside."""
    top, left, bottom, right = REVIEWED
    return np.array(labels[top + 1 : bottom - 1, left + 1 : right - 1])


def segmented(bench: Any, picture: Path, qtbot: Any) -> Any:
    """Open a picture, say how large its pixels are, and press Run; return the result's layer."""
    open_and_wait(bench.open_panel, qtbot, picture, picture.stem)
    bench.open_panel.form.chooser.buttons["10×"].click()
    front(bench, "Segment")
    panel = bench.segment_panel
    panel.model_picker.setValue("glands")
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        press(panel, "Run", qtbot)
    return signal.args[0]


def corrected(viewer: Any, bench: Any, qtbot: Any) -> Any:
    """Draw one stroke where it belongs, one where it does not, and a region around the first."""
    front(bench, "Correct")
    panel = bench.correct_panel
    press(panel, "Start correcting", qtbot)
    qtbot.waitUntil(lambda: panel.hand.active == "brush", timeout=LONG)
    layer = panel.desk.link.layer
    qtbot.waitUntil(lambda: aim(viewer, layer, *INTO_STROMA[0]), timeout=LONG)
    gland, new = int(layer.data[INTO_STROMA[0]]), int(layer.data.max()) + 1
    assert gland
    assert not layer.data[INTO_STROMA[-1]]
    drag(viewer, layer, INTO_STROMA)
    assert layer.data[INTO_STROMA[-1]] == gland
    drag(viewer, layer, NO_GLAND)
    assert layer.data[NO_GLAND[1]] == new
    top, left, bottom, right = REVIEWED
    press(panel, "Rectangle", qtbot)
    drag(viewer, layer, [(top, left), (130, 110), (bottom - 4, right - 4), (bottom, right)])
    qtbot.waitUntil(lambda: len(panel.regions.all) == 1, timeout=LONG)
    return panel.desk


def fine_tuned(bench: Any, qtbot: Any) -> Any:
    """Fine-tune and wait for the verdict; return the panel."""
    front(bench, "Fine-tune")
    panel = bench.finetune_panel
    panel.steps = STEPS
    with qtbot.waitSignal(panel.tuned, timeout=LONG):
        press(panel, "Start", qtbot)
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    assert len(panel.curves.points["total"][0]) == STEPS
    assert panel.outcome.verdict.headline.text()[0] in "✓=✗?"
    return panel


def test_from_a_picture_to_a_better_model_and_on_the_next_day(
    window: Callable[[], Any], qtbot: Any, tmp_path: Path
) -> None:
    viewer, bench = window()
    sample = next(each for each in samples() if each.name == "ebhi_low_grade")
    (tmp_path / "case").mkdir()
    picture = Path(shutil.copy(sample.path, tmp_path / "case" / "biopsy.png"))
    found = segmented(bench, picture, qtbot)
    assert len(np.unique(found.data)) > 5

    desk = corrected(viewer, bench, qtbot)
    project, folder, field = desk.project, desk.project.folder, desk.link.field
    regions, painted = dict(project.facts(field).regions), np.array(desk.link.labels)
    np.testing.assert_array_equal(project.labels(field), painted)

    panel = fine_tuned(bench, qtbot)
    version = panel.latest.version.id
    press(panel, "Use it", qtbot)
    made = project.versions.path(version).resolve()
    picker = bench.segment_panel.model_picker
    qtbot.waitUntil(lambda: picker.value() == made, timeout=LONG)
    press(panel, "Re-segment what is not reviewed", qtbot)
    qtbot.waitUntil(lambda: ready(panel, "Undo re-segment") is not None, timeout=LONG)
    held = np.array(project.labels(field))
    assert held[INTO_STROMA[-1]] == painted[INTO_STROMA[-1]]
    np.testing.assert_array_equal(inside(held), inside(painted))
    assert not held[NO_GLAND[1]]
    np.testing.assert_array_equal(desk.link.layer.data, held)

    viewer.close()
    with Project.open(folder) as closed:  # the window has given it back, and lost nothing
        assert not closed.read_only
        np.testing.assert_array_equal(closed.labels(field), held)

    viewer, bench = window()
    bench.open_panel.open_paths([folder])
    panel = bench.correct_panel
    qtbot.waitUntil(lambda: panel.desk.link is not None, timeout=LONG)
    np.testing.assert_array_equal(panel.desk.link.layer.data, held)
    assert panel.regions.all == regions
    assert len(panel.regions.layer.data) == 1
    assert panel.desk.project.active_version == version
    picker = bench.segment_panel.model_picker
    qtbot.waitUntil(lambda: picker.value() == made, timeout=LONG)
    front(bench, "Fine-tune")
    title = panel.desk.project.versions[version].title
    qtbot.waitUntil(lambda: f"{title} is in use" in bench.finetune_panel.about.text(), timeout=LONG)
    panel.desk.close()
