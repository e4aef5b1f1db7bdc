"""What a project tells of itself, also while another process writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import Camera, ObjectState, Project
from napari_selfreg.io.project.generations import labels_folder
from tests.io.project.script import record_at
from tests.io.project.steps import block, content, new_project, start_labels


def test_names_sequence_and_what_was_looked_at(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        assert (project.name, project.sequence, project.problem) == ("case", 0, "")
        assert (project.looked_at, project.active_version) == (None, None)
        assert project.set_camera("f2", Camera(center=(0, 0), zoom=1)) == 1
        assert (project.sequence, project.looked_at) == (1, "f2")
        assert [field.id for field in project.fields] == ["f1", "f2"]
        assert project.field("f2") == project.fields[1]


@pytest.mark.parametrize("ask", ["field", "facts", "labels", "release"])
def test_a_field_that_is_not_there_is_a_key_error(tmp_path: Path, ask: str) -> None:
    with new_project(tmp_path) as project, pytest.raises(KeyError, match="f9"):
        getattr(project, ask)("f9")


def test_facts_are_a_copy(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        facts = project.facts("f1")
        project.set_objects("f1", {1: ObjectState(accepted=True)})
        project.set_note("f1", "later")
        assert (facts.objects[1].accepted, facts.note) == (False, "")
        facts.objects[5] = ObjectState()
        assert 5 not in project.facts("f1").objects


def test_a_view_of_labels_shows_edits_until_they_are_released(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        view = project.labels("f1")
        assert project.labels("f1").base is not None
        project.apply("f1", [block(0, 0, 1, 1, 9)])
        project.snapshot()
        project.release("f1")
        project.apply("f1", [block(0, 1, 1, 1, 8)])
        assert view[0, :2].tolist() == [9, 0]
        assert project.labels("f1")[0, :2].tolist() == [9, 8]


def test_labels_that_are_lost_are_told(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    shutil.rmtree(labels_folder(project.folder, 1, "f1"))
    with Project.open(project.folder) as again:
        with pytest.raises(BadInputError) as caught:
            again.labels("f1")
        assert str(caught.value) == "The labels of a field of case are missing: put them back."
        with pytest.raises(BadInputError, match="are missing"):
            again.apply("f1", [block(0, 0, 1, 1, 9)])
        assert again.sequence == 0
        with Project.open(project.folder) as reader, pytest.raises(BadInputError, match="missing"):
            reader.labels("f1")


def test_a_reader_catches_up_when_its_snapshot_is_gone(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        reader = Project.open(project.folder)
        for index in range(1, 30):
            project.record(record_at(index))
            if index % 7 == 0:
                project.snapshot()
        np.testing.assert_array_equal(reader.labels("f1"), project.labels("f1"))
        assert content(reader) == content(project)
        reader.close()
        assert not project.problem


def test_releasing_frees_only_what_is_on_disk(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.release("f1")  # never loaded
        np.testing.assert_array_equal(project.labels("f1"), start_labels())
        project.apply("f1", [block(0, 0, 1, 1, 9)])
        project.release("f1")
        assert project._memory.fields["f1"].labels is not None
        project.snapshot()
        project.release("f1")
        assert project._memory.fields["f1"].labels is None
