from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.bases import BasePicker, other_models, versions_of
from tests.widgets.fakes import write_model
from tests.widgets.finetune.cases import new_project


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "models"
    folder.mkdir()
    names = ("plain", "spots")
    return {name: write_model(folder, name=name, title=name.title()) for name in names}


@pytest.fixture
def picker(qtbot, models) -> BasePicker:
    picker = BasePicker(models)
    qtbot.addWidget(picker)
    return picker


def add_version(project: Project, folder: Path, name: str, title: str) -> str:
    return project.versions.add(write_model(folder, name=name), title).id


def test_what_made_the_fields_is_chosen_first(picker, project) -> None:
    picker.offer(project, "plain")
    assert picker.value().card.name == "spots"
    assert [picker.itemText(i) for i in range(picker.count())] == ["Plain", "Spots"]


def test_without_a_project_the_model_chosen_elsewhere(picker) -> None:
    picker.offer(None, "spots")
    assert picker.value().card.name == "spots"
    picker.offer(None, "unknown")
    assert picker.value().card.name == "plain"


def test_the_version_in_use_comes_before_all(picker, project, tmp_path, qtbot) -> None:
    first = add_version(project, tmp_path, "one", "Version 1")
    second = add_version(project, tmp_path, "two", "Version 2")
    picker.offer(project)
    assert picker.value().version is None
    project.versions.activate(first)
    with qtbot.waitSignal(picker.baseChanged):
        picker.offer(project)
    assert picker.value().version == first
    assert [base.version for base in versions_of(project)] == [second, first]
    assert picker.itemText(1) == "Version 1 (in use)"


def test_nothing_is_told_when_nothing_changes(picker, project, qtbot) -> None:
    picker.offer(project)
    with qtbot.assertNotEmitted(picker.baseChanged):
        picker.offer(project)


def test_versions_of_the_project_are_listed_once(project, tmp_path, models) -> None:
    identity = add_version(project, tmp_path, "one", "Version 1")
    added = {"one": project.versions.path(identity), **models}
    assert [base.card.name for base in other_models(project, added)] == ["plain", "spots"]


def test_models_for_volumes_are_no_base(models, tmp_path) -> None:
    volumes = {
        "spatial_dims": 3,
        "in_channels": 1,
        "um_per_px": [1000.0] * 3,
        "normalisation": {"mean": [0.0], "std": [1.0]},
        "intensity": "volume",
    }
    shelf = {**models, "brain": write_model(tmp_path, name="brain", **volumes)}
    assert [base.card.name for base in other_models(None, shelf)] == ["plain", "spots"]


def test_a_damaged_version_is_left_out(project, tmp_path) -> None:
    identity = add_version(project, tmp_path, "one", "Version 1")
    project.versions.path(identity).write_bytes(b"x")
    assert versions_of(project) == []


def test_no_model_at_all(qtbot) -> None:
    picker = BasePicker({})
    qtbot.addWidget(picker)
    picker.offer(None)
    assert picker.value() is None


def test_of_several_makers_the_one_of_most_fields_is_meant(picker, tmp_path) -> None:
    with new_project(tmp_path, 3) as project:
        project.set_model("f1", "plain", "1")
        picker.offer(project)
        assert picker.value().card.name == "spots"
        project.set_model("f2", "plain", "1")
        other = BasePicker(picker._models)
        other.offer(project)
        assert other.value().card.name == "plain"
        other.deleteLater()


def test_what_a_person_has_chosen_stays_until_another_version_is_in_use(
    picker, project, tmp_path
) -> None:
    first = add_version(project, tmp_path, "one", "Version 1")
    picker.offer(project)
    picker.setCurrentIndex(picker.findText("Plain"))
    picker.offer(project)
    assert picker.value().card.name == "plain"
    project.versions.activate(first)
    picker.offer(project)
    assert picker.value().version == first


def test_long_titles_can_be_read_under_the_pointer(picker, project, tmp_path) -> None:
    add_version(project, tmp_path, "one", "Version 1, 5 images, 2026-11-21")
    picker.offer(project)
    shown = picker.itemData(0, Qt.ItemDataRole.ToolTipRole)
    assert shown == picker.itemText(0) == "Version 1, 5 images, 2026-11-21"
