"""Every way to change a project: one record each, refused whole or done whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import Camera, ObjectState, Project, Region
from napari_selfreg.io.project import memory as module
from napari_selfreg.io.project.frames import read_journal
from napari_selfreg.io.project.generations import journal_file
from napari_selfreg.io.project.records import Edit
from tests.io.project.steps import SHAPE, Block, block, content, new_project

REGION = Region.rectangle(Box(0, 0, 4, 4))
ACTS: dict[str, Callable[[Project, str], int]] = {
    "edit": lambda project, field: project.apply(field, [block(0, 0, 2, 2, 5)]),
    "region": lambda project, field: project.put_region(field, REGION),
    "region gone": lambda project, field: project.remove_region(field, REGION.id),
    "camera": lambda project, field: project.set_camera(field, Camera(center=(1, 2), zoom=3)),
    "note": lambda project, field: project.set_note(field, "words"),
    "state": lambda project, field: project.set_state(field, "done"),
    "model": lambda project, field: project.set_model(field, "m", "v"),
}


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_is_one_record_that_is_on_disk_when_it_returns(tmp_path: Path, kind: str) -> None:
    with new_project(tmp_path) as project:
        assert ACTS[kind](project, "f1") == 1
        ((sequence, record),) = read_journal(journal_file(project.folder, 2)).records
        assert (sequence, record.kind) == (1, kind)


@pytest.mark.parametrize("kind", ACTS)
def test_a_field_that_is_not_there_changes_nothing(tmp_path: Path, kind: str) -> None:
    with new_project(tmp_path) as project:
        before = content(project)
        with pytest.raises(KeyError, match="f9"):
            ACTS[kind](project, "f9")
        assert content(project) == before
        assert project.sequence == 0


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (block(23, 0, 2, 2, 1), BadInputError),
        (block(0, 31, 1, 2, 1), BadInputError),
        (Block(Box(0, 0, 2, 2), np.zeros((2, 3), np.int32)), ValueError),
        (Block(Box(0, 0, 2, 2), np.zeros((1, 1), np.int32)), ValueError),
        (Block(Box(0, 0, 1, 1), np.full((1, 1), 2**40)), BadInputError),
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_step_with_one_bad_block_is_refused_whole(
    tmp_path: Path, edit: Block, error: type[Exception], loaded: bool
) -> None:
    with new_project(tmp_path) as project:
        if loaded:
            project.labels("f1")
        with pytest.raises(error):
            project.apply("f1", [block(5, 5, 2, 2, 7), edit], {1: ObjectState(accepted=True)})
        assert project.sequence == 0
        assert project.labels("f1")[5, 5] == 1
        assert not project.facts("f1").objects[1].accepted


def test_of_overlapping_blocks_the_later_one_counts(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 4, 4, 5), block(2, 2, 4, 4, 6), block(3, 3, 1, 1, 0)])
        before = content(project)
        assert [int(project.labels("f1")[at, at]) for at in (1, 2, 3, 5)] == [5, 6, 0, 6]
    with Project.open(project.folder) as again:
        assert content(again) == before


def test_the_array_of_an_edit_may_be_used_again(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        edit = block(0, 0, 2, 2, 7)
        project.apply("f1", [edit])
        edit.after[:] = 3
        assert (project.labels("f1")[:2, :2] == 7).all()
        before = content(project)
    with Project.open(project.folder) as again:
        assert content(again) == before


def test_a_person_does_not_wait_for_their_edit_to_be_decompressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Edit) -> Any:
        raise AssertionError("the labels are at hand")

    with new_project(tmp_path) as project:
        project.labels("f1")
        with monkeypatch.context() as patch:
            patch.setattr(module.Edit, "values", refuse)
            project.apply("f1", [block(0, 0, *SHAPE, 7)])
        assert (project.labels("f1") == 7).all()


def test_a_record_without_its_blocks_does_the_same(tmp_path: Path) -> None:
    steps = [block(2, 3, 7, 9, 0), block(2, 3, 7, 9, 1), block(0, 0, 5, 5, 2)]
    ends = []
    for name in ("one", "two"):
        with new_project(tmp_path / name) as project:
            for step in steps:
                if name == "one":
                    project.apply("f1", [step])
                else:
                    project.record(Edit.of("f1", [step]))
            ends.append(content(project))
    assert ends[0] == ends[1]
