from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.added_models import added_models, remember_model
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.model_picker import ModelPicker
from napari_selfreg.widgets.shared import Shared
from napari_selfreg.widgets.version_in_use import AGAIN, VersionInUse
from tests.widgets.fakes import write_model
from tests.widgets.finetune.cases import new_project
from tests.widgets.waits import LONG


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """With two versions, of which none is in use."""
    opened = new_project(tmp_path, count=1)
    for name in ("one", "two"):
        opened.versions.add(write_model(tmp_path, name=name, title=name.title()), name.title())
    yield opened
    opened.close()


@pytest.fixture
def made(qtbot, tmp_path: Path) -> Any:
    folder = tmp_path / "models"
    folder.mkdir()
    picker = ModelPicker({"spots": write_model(folder)})
    qtbot.addWidget(picker)
    shared = Shared()
    follows = VersionInUse(shared, picker, picker)
    told: list[str] = []
    follows.told.connect(told.append)
    return shared, picker, follows, told


def test_the_version_in_use_is_chosen_and_said(made, project, qtbot) -> None:
    shared, picker, _, told = made
    one, two = project.versions.all
    remember_model(project.versions.path(one.id))
    project.versions.activate(two.id)
    shared.set_project(project)
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    assert picker.value() == project.versions.path(two.id).resolve()
    assert told == [AGAIN.format("Two", "case")]
    assert added_models() == [picker.value()]  # of a project only that one stays in the list


def test_after_a_restart_too(made, project, qtbot) -> None:
    shared, picker, _, told = made
    project.versions.activate(project.versions.all[0].id)
    project.close()
    with Project.open(project.folder) as again:
        shared.set_project(again)
        qtbot.waitUntil(lambda: bool(told), timeout=LONG)
        assert picker.card().name == "one"


def test_one_that_is_chosen_already_is_only_said(made, project) -> None:
    shared, picker, _, told = made
    one = project.versions.all[0]
    project.versions.activate(one.id)
    path = project.versions.path(one.id).resolve()
    picker.addModel(path)
    picker.setValue(path)
    shared.set_project(project)
    assert told == [AGAIN.format("One", "case")]


def test_without_a_version_in_use_nothing_changes(made, project) -> None:
    shared, picker, _, told = made
    before = picker.value()
    shared.set_project(project)
    shared.set_project(None)
    assert picker.value() == before
    assert told == []


def test_a_damaged_version_is_said_and_not_chosen(made, project) -> None:
    shared, picker, _, told = made
    one = project.versions.all[0]
    project.versions.activate(one.id)
    project.versions.path(one.id).write_bytes(b"x")
    before = picker.value()
    shared.set_project(project)
    assert picker.value() == before
    assert "damaged" in told[0]


def test_it_stays_on_screen_while_it_is_true(made, project, qtbot) -> None:
    shared, picker, follows, told = made
    assert follows.label.isHidden()
    project.versions.activate(project.versions.all[0].id)
    shared.set_project(project)
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    assert follows.label.text() == told[0]
    assert not follows.label.isHidden()
    version = picker.value()
    picker.setValue("spots")
    assert follows.label.isHidden()
    picker.setValue(version)
    assert not follows.label.isHidden()


def test_closing_the_project_leaves_the_model_chosen(made, project, qtbot) -> None:
    shared, picker, follows, told = made
    project.versions.activate(project.versions.all[0].id)
    shared.set_project(project)
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    shared.set_project(None)
    picker.told.emit("Another file is in the list now.")
    assert follows.label.isHidden()
    assert picker.card().name == "one"
    assert len(told) == 1
