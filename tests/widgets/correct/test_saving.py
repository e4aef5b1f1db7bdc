"""*Save for QuPath…*: what a person finds in the folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import run
from napari_selfreg.io.geojson_labels import read_geojson
from napari_selfreg.io.project import ObjectState, Region
from napari_selfreg.widgets.correct import saving
from napari_selfreg.widgets.correct.saving import Saving, export_project
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.waits import LONG


@pytest.fixture
def ready(light: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    light.button, light.told = QPushButton(light.owner), []
    light.saving = Saving(light.desk, light.button, light.owner)
    light.desk.told.connect(light.told.append)
    light.folder = tmp_path / "for QuPath"
    monkeypatch.setattr(saving, "ask_folder", lambda *_: light.folder)
    return light


def saved(ready: Any, qtbot: Any) -> str:
    ready.button.click()
    qtbot.waitUntil(lambda: not ready.saving.runner.running, timeout=LONG)
    qtbot.waitUntil(ready.button.isEnabled, timeout=LONG)
    return str(ready.told[-1])


def test_outlines_say_class_acceptance_review_and_model(ready: Any, qtbot) -> None:
    project = ready.desk.project
    stroke(ready.layer)
    project.set_objects("f1", {1: ObjectState(class_name="other", accepted=True)})
    project.put_region("f1", Region.rectangle(Box(0, 0, 20, 45)))
    assert saved(ready, qtbot).startswith("Saved 7 objects, 2 of them reviewed")

    document = json.loads((ready.folder / "field 1_objects.geojson").read_text("utf-8"))
    assert (document["model"], document["model_version"]) == ("spots", "abc")
    facts = [feature["properties"] for feature in document["features"]]
    assert facts[0]["classification"]["name"] == "other"
    flags = [(each["measurements"]["accepted"], each["measurements"]["reviewed"]) for each in facts]
    assert flags == [(1, 1), (0, 1), *[(0, 0)] * 5]
    found = read_geojson(ready.folder / "field 1_objects.geojson", (60, 80))
    assert np.array_equal(found.labels > 0, ready.layer.data > 0)


def test_what_is_drawn_but_not_yet_told_is_saved_too(ready: Any, qtbot) -> None:
    ready.layer.data[50, 70:75] = 9  # a script does not tell
    assert saved(ready, qtbot).startswith("Saved 7 objects")


def test_all_fields_are_saved_and_only_once_at_a_time(ready: Any, tmp_path: Path, qtbot) -> None:
    ready.viewer.layers.clear()
    add_result_of_file(ready.viewer, tmp_path, "field 2")
    ready.desk.add()
    ready.button.click()
    assert not ready.button.isEnabled()
    ready.saving.save()  # not a second time
    qtbot.waitUntil(ready.button.isEnabled, timeout=LONG)
    assert len([text for text in ready.told if text.startswith("Saved 12 objects")]) == 1
    assert len(list(ready.folder.iterdir())) == 6


@pytest.mark.parametrize("may", [True, False])
def test_earlier_files_are_replaced_only_if_they_may(
    ready: Any, monkeypatch: pytest.MonkeyPatch, qtbot, may: bool
) -> None:
    saved(ready, qtbot)
    monkeypatch.setattr(saving, "ask_to_replace", lambda *_, **__: may)
    stroke(ready.layer)
    table = ready.folder / "field 1_measurements.csv"
    before = table.read_bytes()
    ready.button.click()
    qtbot.waitUntil(lambda: not ready.saving.runner.running, timeout=LONG)
    assert (table.read_bytes() != before) is may
    with table.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 6 + may


def test_a_folder_that_cannot_be_made_is_told(ready: Any, tmp_path: Path, qtbot) -> None:
    (tmp_path / "file").touch()
    ready.folder = tmp_path / "file" / "out"
    assert "Saved" not in saved(ready, qtbot)


def test_without_a_project_nothing_is_asked(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "ask_folder", lambda *_: pytest.fail("asked"))
    ready.desk.close()
    ready.saving.save()
    assert not ready.saving.runner.running


def test_the_job_makes_its_folder(ready: Any) -> None:
    (result,) = run(export_project(ready.desk.project, ready.folder / "a" / "b"))
    assert Path(result["outputs"]["objects"]).parent == ready.folder / "a" / "b"
    assert result["objects"] == 6
