"""The project and its fields, as a person sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct.project_box import ADD, ProjectBox
from tests.io.project.steps import new_project


@pytest.fixture
def project(tmp_path: Path) -> Any:
    with new_project(tmp_path, "abc") as made:
        made.set_state("f2", "corrected")
        made.set_state("f3", "done")
        yield made


@pytest.fixture
def box(qtbot) -> ProjectBox:
    made = ProjectBox()
    qtbot.addWidget(made)
    return made


def texts(box: ProjectBox) -> list[str]:
    return [box.fields.itemText(index) for index in range(box.fields.count())]


def test_every_field_shows_how_far_it_is(box: ProjectBox, project: Project) -> None:
    box.setProject(project, "f2")
    assert texts(box) == ["◐ a", "✎ b", "✓ c"]
    assert box.fields.currentData() == "f2"
    assert project.name in box.title.text()
    assert box.title.toolTip() == str(project.folder)
    assert box.start_button.text() == ADD


def test_a_field_that_is_not_on_show_is_not_chosen(box: ProjectBox, project: Project) -> None:
    box.setProject(project)
    assert box.fields.currentIndex() == -1
    box.setProject(project, "gone")
    assert box.fields.currentIndex() == -1


def test_showing_is_not_choosing(box: ProjectBox, project: Project, qtbot) -> None:
    told: list[int] = []
    box.fields.currentIndexChanged.connect(told.append)
    box.setProject(project, "f1")
    box.setProject(project, "f3")
    box.setProject(None)
    assert told == []
    assert texts(box) == []


def test_a_mark_changes_alone(box: ProjectBox, project: Project) -> None:
    box.setProject(project, "f2")
    project.set_state("f2", "done")
    project.set_state("f1", "done")
    box.setMark(project, "f2")
    box.setMark(project, "gone")
    assert texts(box) == ["◐ a", "✓ b", "✓ c"]
    assert box.fields.currentData() == "f2"


@pytest.mark.parametrize("copy", [True, False])
def test_a_warning_stays_until_it_is_over(box: ProjectBox, copy: bool) -> None:
    box.setNotice("The disk is full.", copy=copy)
    assert box.notice.text() == "⚠ The disk is full."
    assert box.copy_button.isHidden() is not copy
    box.setNotice("")
    assert (box.notice.text(), box.notice.isHidden()) == ("", True)
    assert box.copy_button.isHidden()
