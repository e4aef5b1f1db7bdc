"""Class and acceptance follow the pixels of an object: gone with the last, back when undone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.types import Box
from napari_selfreg.io.project import ObjectState, Project
from napari_selfreg.io.project.frames import read_journal
from napari_selfreg.io.project.generations import journal_file
from napari_selfreg.io.project.records import Labels
from napari_selfreg.io.project.vanished import _FEW, Changed, Vanished
from tests.io.project.steps import SHAPE, Block, block, content, new_project, start_labels

SAID = ObjectState(class_name="gland", accepted=True)
OTHER = ObjectState(class_name="stroma")
NOTHING = ObjectState()
ALL_OF_1 = block(2, 3, 7, 9, 0)
BACK_1 = block(2, 3, 7, 9, 1)


def said(project: Project, label: int = 1) -> ObjectState:
    return project.facts("f1").objects.get(label, NOTHING)


def accepted(folder: Path) -> Project:
    project = new_project(folder)
    project.set_objects("f1", {1: SAID})
    return project


def test_a_reused_id_begins_with_nothing_said(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1])
        assert said(project) == NOTHING
        project.apply("f1", [block(20, 0, 3, 3, 1)])
        assert said(project) == NOTHING
    with Project.open(project.folder) as again:
        assert again.labels("f1")[20, 0] == 1
        assert said(again) == NOTHING


def test_undo_brings_back_what_was_said_and_redo_takes_it_again(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        for _ in range(3):
            project.apply("f1", [ALL_OF_1])
            assert said(project) == NOTHING
            project.apply("f1", [BACK_1])
            assert said(project) == SAID
        before = content(project)
    with Project.open(project.folder) as again:
        assert content(again) == before


def test_the_journal_holds_absolute_values(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1])
        project.apply("f1", [BACK_1])
        records = [each for _, each in read_journal(journal_file(project.folder, 2)).records]
    assert [each.objects for each in records] == [{1: SAID}, {1: NOTHING}, {1: SAID}]


def test_an_object_that_loses_a_part_keeps_what_was_said(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [block(2, 3, 6, 9, 0)])
        project.apply("f1", [block(8, 3, 1, 8, 0)])
        assert said(project) == SAID
        project.apply("f1", [block(8, 11, 1, 1, 0)])
        assert said(project) == NOTHING


def test_an_object_that_moves_in_one_step_keeps_what_was_said(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1, block(20, 0, 3, 3, 1)])
        assert said(project) == SAID


def test_the_rest_of_an_object_is_found_far_away() -> None:
    labels = np.zeros((300, 400), np.int32)
    labels[0, 0] = labels[299, 399] = 5
    vanished = Vanished()
    for box, left in ((Box(0, 0, 1, 1), {}), (Box(299, 399, 300, 400), {5: NOTHING})):
        changed = Changed.by(labels, [(box, np.zeros((1, 1), np.int32))])
        labels[box.slices] = 0
        assert vanished.follow(labels, changed, {5: SAID}) == left


def test_erased_in_two_strokes_and_undone_in_two(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [block(2, 3, 5, 9, 0)])
        project.apply("f1", [block(7, 3, 2, 9, 0)])
        assert said(project) == NOTHING
        project.apply("f1", [block(7, 3, 2, 9, 1)])
        assert said(project) == SAID
        project.apply("f1", [block(2, 3, 5, 9, 1)])
        assert said(project) == SAID


def test_erased_in_two_steps_and_undone_at_once(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [block(2, 3, 5, 9, 0)])
        project.apply("f1", [block(7, 3, 2, 9, 0)])
        project.apply("f1", [BACK_1])
        assert said(project) == SAID


def test_painted_over_by_another_object(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.set_objects("f1", {2: OTHER})
        project.apply("f1", [block(2, 3, 7, 9, 2)])
        assert (said(project, 1), said(project, 2)) == (NOTHING, OTHER)
        project.apply("f1", [BACK_1])
        assert (said(project, 1), said(project, 2)) == (SAID, OTHER)


def test_an_id_that_was_gone_twice_gets_back_what_belongs_to_the_place(tmp_path: Path) -> None:
    elsewhere, nowhere = block(20, 0, 3, 3, 1), block(20, 0, 3, 3, 0)
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1])
        project.apply("f1", [elsewhere], {1: OTHER})
        project.apply("f1", [nowhere])
        assert said(project) == NOTHING
        project.apply("f1", [elsewhere])  # undo, three times
        assert said(project) == OTHER
        project.apply("f1", [nowhere])
        project.apply("f1", [BACK_1])
        assert said(project) == SAID


def test_an_unnamed_user_of_an_id_does_not_hide_the_first_one(tmp_path: Path) -> None:
    inside, erased = block(3, 4, 2, 2, 1), block(3, 4, 2, 2, 0)
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1])
        for step in (inside, erased, inside, erased, BACK_1):
            project.apply("f1", [step])
        assert said(project) == SAID


def test_what_is_said_in_the_same_step_counts(tmp_path: Path) -> None:
    with accepted(tmp_path) as project:
        project.apply("f1", [ALL_OF_1], {1: OTHER})
        assert said(project) == OTHER
        project.apply("f1", [BACK_1], {1: ObjectState(class_name="new")})
        assert said(project).class_name == "new"


@pytest.mark.parametrize("count", [1, _FEW, _FEW + 1, 40])
def test_any_number_of_objects_goes_and_comes_back(count: int) -> None:
    labels = np.arange(1, 101, dtype=np.int32).reshape(10, 10).repeat(3, 0).repeat(2, 1)
    whole = labels.copy()
    objects = {label: ObjectState(class_name=f"c{label}") for label in range(1, 101)}
    vanished = Vanished()
    box, after = Box(0, 0, *labels.shape), np.where(labels <= count, 0, labels)
    changed = Changed.by(labels, [(box, after)])
    gone = vanished.follow(after, changed, objects)
    assert gone == dict.fromkeys(range(1, count + 1), NOTHING)
    changed = Changed.by(after, [(box, whole)])
    assert vanished.follow(whole, changed, objects | gone) == {
        label: objects[label] for label in range(1, count + 1)
    }


def test_changed_pixels_are_counted_row_by_row() -> None:
    labels = start_labels()
    after = np.array([[0, 7], [1, 1]], np.int32)
    changed = Changed.by(labels, [(Box(1, 3, 3, 5), after), (Box(20, 30, 21, 31), after[:1, 1:])])
    assert changed.places.tolist() == [SHAPE[1] + 4, 20 * SHAPE[1] + 30]
    assert changed.before.tolist() == [0, 0]
    assert changed.box == Box(1, 3, 21, 31)
    assert not Changed.by(labels, []).places.size


blocks = st.tuples(
    st.integers(0, 19), st.integers(0, 27), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4)
)


@settings(max_examples=25)
@given(st.lists(blocks, min_size=1, max_size=12))
def test_undoing_every_step_ends_where_it_began(steps: list[tuple[int, ...]]) -> None:
    """Whatever is painted: undone in turn, all is as before; no absent object has any facts."""
    with tempfile.TemporaryDirectory() as folder, accepted(Path(folder)) as project:
        project.set_objects("f1", {2: OTHER})
        undo: list[tuple[Block, Labels, dict[int, ObjectState]]] = []
        for step in steps:
            edit = block(*step)
            undo.append((edit, project.labels("f1").copy(), project.facts("f1").objects))
            project.apply("f1", [edit])
            here = set(np.unique(project.labels("f1")).tolist())
            for label, state in project.facts("f1").objects.items():
                assert label in here or state == NOTHING
        for edit, labels, objects in reversed(undo):
            project.apply("f1", [Block(edit.box, labels[edit.box.slices])])
            assert (project.labels("f1") == labels).all()
            now = project.facts("f1").objects
            assert {k: v for k, v in now.items() if v != NOTHING} == {
                k: v for k, v in objects.items() if v != NOTHING
            }
