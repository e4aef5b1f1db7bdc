"""From a segmented picture to corrections on disk and back, with a real mouse and real keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt

from napari_selfreg.io.project import Project
from napari_selfreg.io.samples import samples
from tests.e2e.canvas import aim, canvas_of, drag, press

LONG = 60_000


def test_correct_close_and_go_on(make_napari_viewer, tmp_path: Path, qtbot) -> None:
    from napari_selfreg.widgets.workbench import add_workbench

    sample = next(each for each in samples() if each.name == "ebhi_normal")
    picture = Path(shutil.copy(sample.path, tmp_path / "field.png"))
    viewer = make_napari_viewer(show=True)
    bench = add_workbench(viewer)
    bench.open_panel.open_paths([picture])
    qtbot.waitUntil(lambda: bench.open_panel.stage.image is not None, timeout=LONG)
    bench.open_panel.form.chooser.chosen.emit(sample.pixel_size)
    image = bench.open_panel.stage.image
    masks = np.zeros(image.data.shape[:2], np.uint8)
    masks[40:80, 40:80], masks[40:80, 120:160] = 1, 2
    layer = viewer.add_labels(masks, scale=image.scale, units=image.units)
    bench.tabs.setCurrentIndex(2)
    panel = bench.correct_panel
    panel.box.start_button.click()
    assert panel.desk.project is not None
    qtbot.waitUntil(lambda: panel.hand.active == "brush", timeout=LONG)
    qtbot.waitUntil(lambda: aim(viewer, layer, 60, 60), timeout=LONG)

    width = canvas_of(viewer).width()
    drag(viewer, layer, [(60, 60), (70, 60), (90, 60), (100, 60)])
    assert canvas_of(viewer).width() == width, "the image moved under the brush"
    assert layer.data[98, 60] == 1
    drag(viewer, layer, [(150, 150), (160, 150), (170, 160)])
    assert layer.data.max() == 3
    drag(viewer, layer, [(60, 140), (60, 142)], Qt.KeyboardModifier.AltModifier)
    assert layer.data[60, 140] == 0
    stored = panel.desk.project.labels("f1")
    assert np.array_equal(stored, layer.data)
    press(viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert layer.data[60, 140] == 2
    press(viewer, Qt.Key.Key_N)
    assert panel.selection.ids == (1,)
    press(viewer, Qt.Key.Key_A)
    press(viewer, Qt.Key.Key_N)
    press(viewer, Qt.Key.Key_Delete)
    assert np.array_equal(np.unique(layer.data), [0, 1, 3])
    panel.review_box.view_button.click()
    held = np.array(layer.data)
    folder = panel.desk.project.folder
    panel.box.close_button.click()

    with Project.open(folder) as project:
        assert np.array_equal(project.labels("f1"), held)
        facts = project.facts("f1")
        assert facts.objects[1].accepted
        assert [region.kind for region in facts.regions.values()] == ["view"]
    viewer.layers.clear()
    bench.open_panel.open_paths([folder])
    qtbot.waitUntil(lambda: panel.desk.link is not None, timeout=LONG)
    assert np.array_equal(panel.desk.link.labels, held)
    panel.desk.close()
