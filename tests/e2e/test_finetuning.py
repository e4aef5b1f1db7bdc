"""A person's way from a wrong mask to a better model: the real plugin, the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import NewField, Project, Region
from napari_selfreg.widgets.finetune import bases
from tests.engine.corrections import corrected

LONG = 60_000
"""Milliseconds: the first job imports torch and monai."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed project of two fields beside their images."""
    fields = []
    for number in range(2):
        made = corrected(96, seed=number)
        image = tmp_path / f"field{number}.png"
        Image.fromarray(made.picture).save(image)
        size = PixelSize(1, 1)
        fields.append(NewField(image, made.labels, size, "option", ("gland",), state="corrected"))
    with Project.create(tmp_path / "case.selfreg", fields) as project:
        return project.folder


@pytest.fixture
def workbench(bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    models = {"tiny": tmp_path / "tiny.safetensors"}
    monkeypatch.setattr(bases, "bundled_models", lambda: models)
    return bench


def open_project(workbench: Any, folder: Path, qtbot: Any) -> Any:
    _, bench = workbench
    bench.correct_panel.open_project(folder)
    qtbot.waitUntil(lambda: bench.correct_panel.desk.link is not None, timeout=LONG)
    panel = bench.finetune_panel
    titles = [bench.tabs.tabText(index) for index in range(bench.tabs.count())]
    bench.tabs.setCurrentIndex(titles.index("Fine-tune"))  # a comparison is for whoever looks on
    panel.form.advanced.device.setValue("cpu")
    return panel, bench.correct_panel.desk


def test_from_corrections_to_a_model_in_use_and_back(workbench, folder, qtbot) -> None:
    viewer, bench = workbench
    panel, desk = open_project(workbench, folder, qtbot)
    project = desk.project
    assert not panel.start_button.isEnabled()

    layer = desk.link.layer
    layer.brush_size = 6
    layer.paint((80.0, 8.0), 9)
    qtbot.waitUntil(lambda: 9 in project.labels("f1"), timeout=LONG)
    project.put_region("f1", Region.rectangle(Box(0, 0, 96, 80)))
    panel._look()
    reviewed = np.array(project.labels("f1"))[:96, :80]
    rest = np.array(project.labels("f2"))

    panel.steps = 20
    with qtbot.waitSignal(panel.tuned, timeout=LONG):
        panel.start_button.click()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)
    assert panel.outcome.verdict.headline.text()
    assert len(panel.curves.points["total"][0]) == 20
    version = panel.latest.version.id

    comparison = panel.outcome.comparison
    if not comparison.found:
        with qtbot.waitSignal(comparison.compared, timeout=LONG):
            pass
    qtbot.waitUntil(lambda: comparison.wiper.layer is not None, timeout=LONG)
    assert set(comparison.found) == {"f1", "f2"}
    comparison.clear()

    picker = bench.segment_panel.model_picker
    panel.outcome.verdict.use_button.click()
    wanted = project.versions.path(version).resolve()
    qtbot.waitUntil(lambda: picker.value() == wanted, timeout=LONG)

    box = panel.outcome.resegmenting
    with qtbot.waitSignal(box.done, timeout=LONG):
        box.button.click()
        assert "1 corrected field is not reviewed" in box.question.text.text()
        box.question.replace_button.click()
    np.testing.assert_array_equal(project.labels("f1")[:96, :80], reviewed)
    shown = desk.link
    np.testing.assert_array_equal(shown.layer.data, project.labels(shown.field))
    if not box.undo_button.isHidden():
        with qtbot.waitSignal(box.done, timeout=LONG):
            box.undo_button.click()
        np.testing.assert_array_equal(project.labels("f2"), rest)

    desk.close()
    assert panel.corrections is None
    viewer.layers.clear()
    picker.setValue("tiny")
    assert picker.value() != wanted
    panel, desk = open_project(workbench, folder, qtbot)
    assert desk.project.active_version == version
    assert panel.form.base_picker.value().version == version
    qtbot.waitUntil(lambda: picker.value() == wanted, timeout=LONG)
    title = desk.project.versions[version].title
    assert title.startswith("Version 1, ")
    assert picker.card().title.endswith(title[1:])
    said = bench.segment_panel.version_in_use.label
    assert f"{title} of the project case is in use again" in said.text()
    assert not said.isHidden()
    assert f"{title} is in use" in panel.about.text()
    np.testing.assert_array_equal(desk.project.labels("f1")[:96, :80], reviewed)
    desk.close()
