"""Run on all over a folder of volumes, in the window."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from PIL import Image as Pillow

from napari_selfreg.io.volume import read_volume_labels
from napari_selfreg.widgets.batch_run import CANCELLED
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.result_info import is_touched
from napari_selfreg.widgets.results_panel import ResultsPanel
from napari_selfreg.widgets.volume import results_view
from napari_selfreg.widgets.volume.result_info import volume_result_info
from tests.engine.volume.models import scan, volume_bundle
from tests.io.image_files import tissue
from tests.io.volume.files import nifti
from tests.widgets.open_steps import docked, open_and_wait, wait_shown
from tests.widgets.waits import LONG


@pytest.fixture
def scene(make_volume_panel, qtbot, tmp_path: Path) -> Any:
    """Three volumes and a picture in Open, beside a Segment panel with a network that runs."""
    folder = tmp_path / "scans"
    for number in (1, 2, 3):
        nifti(folder / f"case_{number}.nii.gz", scan(8, 9, 10, seed=number))
    Pillow.fromarray(tissue()).save(folder / "picture.png")
    model = volume_bundle(tmp_path / "real.safetensors", name="tiny", intensity="volume")
    viewer, segment = make_volume_panel(model)
    opened = OpenPanel(viewer)
    viewer.window.add_dock_widget(opened, name="Open")
    opened.open_paths([folder])
    wait_shown(opened, qtbot, "case_1")
    qtbot.waitUntil(lambda: opened.form.run_all_button.isEnabled(), timeout=LONG)
    return SimpleNamespace(viewer=viewer, open=opened, segment=segment, folder=folder)


def run_all(scene: Any, qtbot: Any) -> str:
    with qtbot.waitSignal(scene.segment.batch.concluded, timeout=LONG) as signal:
        scene.open.form.run_all_button.click()
    return str(signal.args[0])


def results(scene: Any) -> list[Any]:
    return [layer for layer in scene.viewer.layers if isinstance(layer, Labels)]


def test_a_folder_of_volumes_is_segmented_and_shown(scene: Any, qtbot) -> None:
    form, out = scene.open.form, scene.folder / "results"
    assert form.run_all_button.text() == "Run on all 3 fields"
    assert "1 picture left alone" in form.output_words.text()
    assert run_all(scene, qtbot).startswith("3 of 3 fields segmented")
    with (out / "summary.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["image"] for row in csv.DictReader(stream)] == ["case_1", "case_2", "case_3"]
    states = [(field.stem, field.state) for field in scene.open.fields]
    assert states == [*((f"case_{n}", "segmented") for n in (1, 2, 3)), ("picture", "new")]
    qtbot.waitUntil(lambda: len(results(scene)) == 1, timeout=LONG)
    (layer,) = results(scene)
    info = volume_result_info(layer)
    assert (info.model_title, info.grid.stem) == ("Tiny volume", "case_1")
    assert len(info.model_version) == 12
    np.testing.assert_array_equal(layer.data, read_volume_labels(out / "case_1_labels.nii.gz")[0])
    scene.open.fields.step(1)
    wait_shown(scene.open, qtbot, "case_2")
    qtbot.waitUntil(lambda: len(results(scene)) == 1 and layer not in results(scene), timeout=LONG)
    assert volume_result_info(results(scene)[0]).grid.stem == "case_2"


def test_a_second_time_adds_a_layer_and_keeps_the_first(scene: Any, qtbot) -> None:
    run_all(scene, qtbot)
    qtbot.waitUntil(lambda: len(results(scene)) == 1, timeout=LONG)
    (first,) = results(scene)
    run_all(scene, qtbot)
    qtbot.waitUntil(lambda: len(results(scene)) == 2, timeout=LONG)
    assert first in results(scene)


def test_what_a_person_has_corrected_is_left_alone(scene: Any, qtbot) -> None:
    run_all(scene, qtbot)
    qtbot.waitUntil(lambda: len(results(scene)) == 1, timeout=LONG)
    layer = results(scene)[0]
    layer.selected_label = 2
    layer.paint((1, 1, 1), 2)
    assert scene.open.fields[0].state == "corrected"
    qtbot.waitUntil(lambda: "2 fields" in scene.open.form.run_all_button.text(), timeout=LONG)
    before = (scene.folder / "results" / "case_1_labels.nii.gz").stat().st_mtime_ns
    assert run_all(scene, qtbot).startswith("2 of 2")
    assert (scene.folder / "results" / "case_1_labels.nii.gz").stat().st_mtime_ns == before


def test_corrections_that_were_saved_are_known_again_and_left_alone(
    scene: Any, qtbot, monkeypatch, make_napari_viewer_proxy
) -> None:
    run_all(scene, qtbot)
    qtbot.waitUntil(lambda: len(results(scene)) == 1, timeout=LONG)
    results(scene)[0].selected_label = 2
    results(scene)[0].paint((1, 1, 1), 2)
    panel = ResultsPanel(scene.viewer)
    scene.viewer.window.add_dock_widget(panel, name="Results")
    monkeypatch.setattr(results_view, "ask_folder", lambda *_: scene.folder / "results")
    monkeypatch.setattr(results_view, "agrees", lambda *_: True)
    panel.form.volume.save()
    qtbot.waitUntil(lambda: "Saved" in panel.form.volume.status.text(), timeout=LONG)
    later = docked(make_napari_viewer_proxy())
    open_and_wait(later, qtbot, scene.folder, "case_1")
    assert [field.state for field in later.fields][:3] == ["corrected", "segmented", "segmented"]
    assert [each.path.stem for each in later.fields.to_run(volumes=True)] == [
        "case_2.nii",
        "case_3.nii",
    ]
    labels = later._viewer.layers
    qtbot.waitUntil(lambda: len(labels) == 2, timeout=LONG)
    assert is_touched(labels[1])  # saved again, it still says so


def test_a_bad_case_says_why_and_the_rest_goes_on(scene: Any, qtbot) -> None:
    (scene.folder / "case_2.nii.gz").write_bytes(b"\x1f\x8b no volume")
    text = run_all(scene, qtbot)
    assert text.startswith("2 of 3 fields segmented")
    assert "says why" in text
    assert scene.open.fields[1].problem.count(".nii.gz") == 1
    assert scene.open.fields[1].state == "new"


def test_cancel_keeps_what_is_finished(scene: Any, qtbot) -> None:
    scene.segment.batch.progressed.connect(lambda *_: scene.segment.cancel())
    assert run_all(scene, qtbot) == CANCELLED
    assert not any(field.running for field in scene.open.fields)
    assert not (scene.folder / "results" / "case_3_labels.nii.gz").exists()
