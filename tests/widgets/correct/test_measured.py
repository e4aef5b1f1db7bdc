from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.correct import saving
from napari_selfreg.widgets.pixel_size_change import change_pixel_size
from napari_selfreg.widgets.result_plane import table_of
from tests.widgets.correct.steps import add_result_of_file, drag, stroke
from tests.widgets.waits import LONG


def test_an_edit_is_counted_and_measured(opened: Any, qtbot) -> None:
    made, layer = opened
    qtbot.waitUntil(lambda: made.totals.text().startswith("6 objects"), timeout=LONG)
    assert "0 accepted" in made.totals.text()
    stroke(layer)
    qtbot.waitUntil(lambda: made.totals.text().startswith("7 objects"), timeout=LONG)
    assert table_of(layer.features)["index"].tolist() == [1, 2, 3, 4, 5, 6, 9]
    made.selection.set((9,))
    made.editor.accept()
    qtbot.waitUntil(lambda: "1 accepted" in made.totals.text(), timeout=LONG)
    layer.undo()
    qtbot.waitUntil(lambda: made.totals.text().startswith("7 objects, 0"), timeout=LONG)
    layer.undo()
    qtbot.waitUntil(lambda: made.totals.text().startswith("6 objects, 0"), timeout=LONG)
    made.desk.close()
    assert made.totals.text() == ""


def test_another_pixel_size_is_another_area(opened: Any, qtbot) -> None:
    made, layer = opened
    qtbot.waitUntil(lambda: made.totals.text().startswith("6 objects"), timeout=LONG)
    before, image = table_of(layer.features)["area_um2"], made.desk.image
    y, x = image.scale
    change_pixel_size(made._viewer, image, PixelSize(2 * y, 2 * x))
    made.desk.shared.pixelSizeChanged.emit(image)
    qtbot.waitUntil(
        lambda: np.allclose(table_of(layer.features)["area_um2"], 4 * before), timeout=LONG
    )


def test_the_class_of_a_new_object_is_measured_with_it(panel: Any, tmp_path: Path, qtbot) -> None:
    viewer, made = panel
    _, layer = add_result_of_file(viewer, tmp_path, classes=("spot", "other"), probability=None)
    made.box.start_button.click()
    made.hand.resize(round(4 * viewer.scene.camera.zoom * layer.scale[0]))
    made.objects.classes.setCurrentText("other")
    drag(layer, [(50, 70), (55, 70)])
    qtbot.waitUntil(lambda: made.totals.text().startswith("7 objects"), timeout=LONG)
    assert table_of(layer.features)["class"].tolist()[-1] == "other"


def test_saving_writes_what_was_corrected(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    made, layer = opened
    stroke(layer)
    made.selection.set((9,))
    made.editor.accept()
    made.regions.add_field()
    target = tmp_path / "out"
    monkeypatch.setattr(saving, "ask_folder", lambda *_: target)
    made.save_button.click()
    qtbot.waitUntil(lambda: made.status.text().startswith("Saved"), timeout=LONG)
    assert made.status.text().startswith("Saved 7 objects, 7 of them reviewed, in the folder out")
    assert np.array_equal(tifffile.imread(target / "field 1_objects.tif"), layer.data)
    header, *rows = [
        line.split(",")
        for line in (target / "field 1_measurements.csv").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    column = header.index("accepted")
    assert [row[column] for row in rows] == ["0"] * 6 + ["1"]
    asked = []
    monkeypatch.setattr(saving, "ask_to_replace", lambda *a, **_: asked.append(a[2]) or False)
    made.tell("")
    made.save_button.click()
    assert asked == ["field 1"]
    assert not made.saving.runner.running
    assert made.save_button.isEnabled()


def test_what_cannot_be_saved_says_why(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    made, _ = opened
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(saving, "ask_folder", lambda *_: tmp_path / "file")
    made.save_button.click()
    qtbot.waitUntil(lambda: made.status.text() != "", timeout=LONG)
    qtbot.waitUntil(made.save_button.isEnabled, timeout=LONG)
    monkeypatch.setattr(saving, "ask_folder", lambda *_: None)
    made.saving.save()
    assert not made.saving.runner.running
