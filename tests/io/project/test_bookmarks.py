"""Bookmarks: states to go back to, kept, dropped, and damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.project import ObjectState, Project
from napari_selfreg.io.project.bookmarks import DAMAGED, _difference
from napari_selfreg.io.project.generations import (
    GENERATIONS,
    generation_folder,
    labels_folder,
    numbers_in,
)
from napari_selfreg.io.project.records import Labels
from tests.io.project.steps import block, content, new_project, start_labels

SAID = ObjectState(class_name="stroma", accepted=True)


def test_an_object_that_was_erased_comes_back_with_what_was_said(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.set_objects("f1", {1: SAID})
        project.bookmarks.put("b")
        project.apply("f1", [block(2, 3, 7, 9, 0), block(20, 0, 3, 3, 9)], {9: SAID})
    with Project.open(project.folder) as project:
        assert project.bookmarks.restore("b") == ("f1",)
        np.testing.assert_array_equal(project.labels("f1"), start_labels())
        assert project.facts("f1").objects == {1: SAID, 9: ObjectState()}


def test_what_was_said_of_absent_objects_then_is_said_again(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.set_objects("f1", {9: SAID})  # before it was painted
        project.bookmarks.put("b")
        project.apply("f1", [block(20, 0, 3, 3, 9)])
        assert project.bookmarks.restore("b") == ("f1",)
        assert project.facts("f1").objects[9] == SAID
        assert project.bookmarks.restore("b") == ()


def test_only_the_fields_asked_for_are_put_back(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        project.bookmarks.put("b")
        for name in ("f1", "f2"):
            project.apply(name, [block(0, 0, 2, 2, 5)])
        assert project.bookmarks.restore("b", ["f2", "f9"]) == ("f2",)
        assert (project.labels("f1")[0, 0], project.labels("f2")[0, 0]) == (5, 0)


def test_a_bookmark_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        for value in (5, 6, 7):
            project.apply("f1", [block(0, 0, 2, 2, value)])
            project.bookmarks.put("b")
        project.apply("f1", [block(0, 0, 2, 2, 8)])
        assert project.bookmarks.names == ("b",)
        project.bookmarks.restore("b")
        assert project.labels("f1")[0, 0] == 7
        assert len(numbers_in(project.folder / GENERATIONS)) == 1


def test_a_dropped_bookmark_stays_dropped_though_nothing_else_was_done(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.bookmarks.put("b")
    with Project.open(project.folder, hash_images=False) as project:
        project.bookmarks.drop("b")
        project.bookmarks.drop("never was")
    with Project.open(project.folder, hash_images=False) as project:
        assert project.bookmarks.names == ()


def test_a_reader_can_neither_drop_nor_restore(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.bookmarks.put("b")
        with Project.open(project.folder) as reader:
            assert reader.bookmarks.names == ("b",)
            for act in (reader.bookmarks.drop, reader.bookmarks.restore, reader.bookmarks.put):
                with pytest.raises(WriteError, match="another window"):
                    act("b")
            assert reader.bookmarks.names == ("b",)


def test_a_bookmark_that_is_not_there_is_a_key_error(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, pytest.raises(KeyError, match="b"):
        project.bookmarks.restore("b")


@pytest.mark.parametrize("damage", ["state", "no state", "labels"])
def test_a_damaged_bookmark_is_told_and_nothing_is_changed(tmp_path: Path, damage: str) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 2, 2, 5)])
        project.bookmarks.put("b")
        number = project.bookmarked["b"]
        project.apply("f1", [block(0, 0, 2, 2, 6)])
        before = content(project)
        state = generation_folder(project.folder, number) / "state.json"
        if damage == "state":
            state.write_text("{")
        elif damage == "no state":
            state.unlink()
        else:
            shutil.rmtree(labels_folder(project.folder, number, "f1"))
        with pytest.raises(BadInputError) as caught:
            project.bookmarks.restore("b")
        assert str(caught.value) == DAMAGED
        assert content(project) == before


def test_a_field_added_later_stays_as_it_is(tmp_path: Path) -> None:
    from tests.io.project.steps import new_field, picture

    with new_project(tmp_path) as project:
        project.bookmarks.put("b")
        name = project.add_field(new_field(picture(tmp_path / "b.png", 3)))
        project.apply(name, [block(0, 0, 2, 2, 5)])
        assert project.bookmarks.restore("b") == ()
        assert project.labels(name)[0, 0] == 5


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(1, 3)), max_size=6))
def test_the_difference_is_the_smallest_rectangle(spots: list[tuple[int, int, int]]) -> None:
    now: Labels = np.zeros((6, 7), np.int32)
    then = now.copy()
    for y, x, value in spots:
        then[y, x] = value
    changes = _difference(now, then)
    assert len(changes) == bool(spots)
    for change in changes:
        now[change.box.slices] = change.after
        places = np.argwhere(then)
        assert (change.box.y0, change.box.x0) == tuple(places.min(axis=0))
        assert change.box.shape == tuple(np.ptp(places, axis=0) + 1)
    np.testing.assert_array_equal(now, then)
