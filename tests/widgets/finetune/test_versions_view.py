from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.versions_view import OLD, VersionsView
from tests.widgets.fakes import write_model
from tests.widgets.waits import LONG


@pytest.fixture
def versions(project, tmp_path: Path) -> list[str]:
    first = project.versions.add(
        write_model(tmp_path, name="one"), "Version 1", facts={"verdict": "better", "seconds": 2.0}
    )
    second = project.versions.add(write_model(tmp_path, name="two"), "Version 2", parent=first.id)
    return [first.id, second.id]


@pytest.fixture
def view(qtbot, project, versions) -> VersionsView:
    made = VersionsView()
    qtbot.addWidget(made)
    made.show_project(project)
    return made


def item_of(view: VersionsView, *path: int) -> Any:
    item = view.tree.topLevelItem(0)
    for index in path:
        item = item.child(index)
    return item


def test_a_version_stands_below_what_it_came_from(view, versions) -> None:
    assert item_of(view).text(0) == f"{OLD} ✓ in use"
    assert [item_of(view, 0).text(i) for i in (0, 1)] == ["Version 1", "better"]
    assert item_of(view, 0, 0).text(0) == "Version 2"
    assert "in 2 s" not in item_of(view, 0, 0).toolTip(0)


def test_put_back_asks_for_the_chosen_one(view, project, versions, qtbot) -> None:
    view.tree.setCurrentItem(item_of(view, 0))
    with qtbot.waitSignal(view.useWanted) as signal:
        view.use_button.click()
    assert signal.args == [versions[0]]
    project.versions.activate(versions[0])
    view.show_project(project)
    assert view.chosen() == versions[0]
    assert not view.use_button.isEnabled()
    view.tree.setCurrentItem(item_of(view))
    with qtbot.waitSignal(view.useWanted) as signal:
        view.use_button.click()
    assert signal.args == [None]


def test_a_new_name_is_kept(view, project, versions, qtbot) -> None:
    item_of(view, 0).setText(0, "  After the first five ")
    qtbot.waitUntil(lambda: item_of(view, 0).text(0) == "After the first five", timeout=LONG)
    assert project.versions[versions[0]].title == "After the first five"
    item_of(view, 0).setText(0, "   ")
    qtbot.waitUntil(lambda: item_of(view, 0).text(0) == "After the first five", timeout=LONG)


def test_a_note_is_kept_with_its_version(view, project, versions) -> None:
    view.tree.setCurrentItem(item_of(view, 0))
    view.note.setText("pale stain")
    view.note.editingFinished.emit()
    assert project.versions[versions[0]].note == "pale stain"
    view.tree.setCurrentItem(item_of(view, 0, 0))
    assert view.note.text() == ""
    view.show_project(project)
    view.tree.setCurrentItem(item_of(view, 0))
    assert view.note.text() == "pale stain"


def test_export_writes_one_file_that_is_a_model(view, tmp_path, qtbot) -> None:
    view.tree.setCurrentItem(item_of(view, 0))
    with qtbot.waitSignal(view.told) as signal:
        view.export(tmp_path / "out")
    assert read_card(tmp_path / "out.safetensors").name == "one"
    assert signal.args == ["Version 1 is saved as out.safetensors."]


def test_a_damaged_version_is_not_exported(view, project, versions, tmp_path, qtbot) -> None:
    project.versions.path(versions[0]).write_bytes(b"x")
    view.tree.setCurrentItem(item_of(view, 0))
    with qtbot.waitSignal(view.told) as signal:
        view.export(tmp_path / "out")
    assert "damaged" in signal.args[0]
    assert not (tmp_path / "out.safetensors").exists()
    with qtbot.waitSignal(view.told):
        view.card_button.click()


def test_the_card_is_shown(view) -> None:
    view.tree.setCurrentItem(item_of(view, 0))
    view.card_button.click()
    assert view._dialog.isVisible()
    view._dialog.close()


def test_the_model_before_all_versions_has_no_file(view) -> None:
    view.tree.setCurrentItem(item_of(view))
    assert not view.export_button.isEnabled()
    assert not view.rename_button.isEnabled()
    view.export("nowhere")
    view.show_card()
    assert view._dialog is None


def test_nothing_can_be_changed_in_a_project_open_elsewhere(qtbot, project, versions) -> None:
    view = VersionsView()
    qtbot.addWidget(view)
    with Project.open(project.folder) as second:
        view.show_project(second)
        view.tree.setCurrentItem(item_of(view, 0))
        assert not view.use_button.isEnabled()
        assert not view.note.isEnabled()
        assert view.export_button.isEnabled()


def test_no_versions_no_view(qtbot, project) -> None:
    view = VersionsView()
    qtbot.addWidget(view)
    for project_ in (None, project):
        view.show_project(project_)
        assert view.isHidden()


def test_what_the_list_of_models_calls_it_is_told(view, project, versions) -> None:
    facts = {"title": "Glands, version 1, 5 images, 2026-11-21", "verdict": "worse"}
    project.versions.write_facts(versions[0], facts)
    project.versions.rename(versions[0], "Ward 3")
    view.show_project(project)
    tip = item_of(view, 0).toolTip(0)
    assert tip.startswith("Ward 3, made ")
    assert "In the list of models: Glands, version 1, 5 images, 2026-11-21" in tip
    assert "In the list" not in item_of(view, 0, 0).toolTip(0)


def test_the_sentence_of_the_verdict_is_under_the_pointer(view, project, versions) -> None:
    project.versions.write_facts(versions[0], {"verdict": "better", "sentence": "By 6 points."})
    view.show_project(project)
    assert item_of(view, 0).toolTip(1) == "By 6 points."


def test_a_version_whose_parent_is_unknown_stands_below_the_first_model(
    view, project, tmp_path
) -> None:
    third = project.versions.add(write_model(tmp_path, name="three"), "Version 3")
    view.show_project(project)
    children = [item_of(view).child(i).text(0) for i in range(item_of(view).childCount())]
    assert children == ["Version 1", third.title]


def test_rename_opens_the_editor_only_for_versions(view) -> None:
    view.show()
    view.expand(animate=False)
    view.tree.setCurrentItem(item_of(view))
    view.rename()
    assert view.tree.state() != view.tree.State.EditingState
    view.tree.setCurrentItem(item_of(view, 0))
    view.rename_button.click()
    assert view.tree.state() == view.tree.State.EditingState


def test_a_title_that_is_too_long_is_cut(view, project, versions, qtbot) -> None:
    item_of(view, 0).setText(0, "x" * 500)
    qtbot.waitUntil(lambda: project.versions[versions[0]].title != "Version 1", timeout=LONG)
    assert project.versions[versions[0]].title == "x" * 200


def test_export_asks_where_and_may_be_given_up(view, tmp_path, monkeypatch) -> None:
    from napari_selfreg.widgets.finetune import versions_view

    asked: list[str] = []

    def ask(parent: Any, title: str, name: str, kinds: str) -> tuple[str, str]:
        asked.append(name)
        return "", ""

    monkeypatch.setattr(versions_view.QFileDialog, "getSaveFileName", ask)
    told: list[str] = []
    view.told.connect(told.append)
    view.tree.setCurrentItem(item_of(view, 0))
    view.export_button.click()
    assert asked == ["one.safetensors"]
    assert told == []


def test_where_nothing_can_be_written_it_is_said(view, tmp_path, qtbot) -> None:
    (tmp_path / "in the way").touch()
    view.tree.setCurrentItem(item_of(view, 0))
    with qtbot.waitSignal(view.told) as signal:
        view.export(tmp_path / "in the way" / "out")
    assert "could not be written" in signal.args[0]
