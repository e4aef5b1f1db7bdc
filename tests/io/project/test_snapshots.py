"""Snapshots are taken while a person goes on editing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from napari_selfreg.io.project import ObjectState, Project, store
from napari_selfreg.io.project.generations import (
    GENERATIONS,
    labels_folder,
    numbers_in,
    present_generation,
)
from tests.io.project.script import Expected, record_at
from tests.io.project.steps import block, content, copy_files, new_project


def test_editing_goes_on_during_snapshots(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        expected = Expected(project)
        done = threading.Event()

        def snap() -> None:
            while not done.is_set():
                project.snapshot()

        thread = threading.Thread(target=snap)
        thread.start()
        for index in range(1, 301):
            project.record(record_at(index))
            if index % 40 == 0:
                project.release("f1")
                assert content(project) == expected.after(index)
        done.set()
        thread.join()
        copy = copy_files(project, tmp_path / "copy.selfreg")  # without the snapshot of closing
        assert content(project) == expected.after(300)
    with Project.open(copy) as again:
        assert content(again) == expected.after(300)


def test_only_labels_that_changed_are_written_again(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        project.apply("f2", [block(0, 0, 2, 2, 5)])
        number = project.snapshot()
        assert not labels_folder(project.folder, number, "f1").exists()
        assert labels_folder(project.folder, number, "f2").exists()
        _, state, _ = present_generation(project.folder)
        assert state.labels == {"f1": 1, "f2": number}
        project.set_note("f1", "only words")
        last = project.snapshot()
        assert numbers_in(project.folder / GENERATIONS) == [1, number, last]


def test_a_long_journal_becomes_a_snapshot_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    monkeypatch.setattr(store, "SNAPSHOT_BYTES", 100)
    with new_project(tmp_path) as project:
        take = project._snapshots.take

        def took() -> int:
            number = take()
            written.set()
            return number

        monkeypatch.setattr(project._snapshots, "take", took)
        project.apply("f1", [block(0, 0, 20, 20, 5)])
        assert written.wait(60)
        number, state, _ = present_generation(project.folder)
        assert number > 1
        assert state.sequence == 1


def test_nothing_new_needs_no_snapshot_and_anything_does(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        taken = project._snapshots
        assert taken.current
        project.set_note("f1", "x")
        assert not taken.current
        project.snapshot()
        assert taken.current
        project.bookmarks.put("b")
        assert taken.current
        project.bookmarks.drop("b")
        assert not taken.current


def test_edits_that_wait_for_labels_reach_the_snapshot(tmp_path: Path) -> None:
    new_project(tmp_path).close()
    with Project.open(tmp_path / "case.selfreg") as project:
        memory = project._memory.fields["f1"]
        memory.objects.clear()  # nothing is known of objects, so that no labels are needed
        project.apply("f1", [block(0, 0, 2, 2, 5)])
        assert memory.labels is None
        project.snapshot()
        assert memory.labels is None
        assert memory.waiting == []
        assert not memory.changed
        project.apply("f1", [block(1, 1, 2, 2, 6)])
        assert project.labels("f1")[:3, :3].tolist() == [[5, 5, 0], [5, 6, 6], [0, 6, 6]]


def test_what_was_forgotten_is_forgotten_in_the_snapshot(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.set_objects("f1", {1: ObjectState(accepted=True)})
        project.snapshot()
        project.apply("f1", [block(2, 3, 7, 9, 0)])
        number = project.snapshot()
        present, state, whole = present_generation(project.folder)
        assert (present, whole) == (number, True)
        assert state.facts["f1"].objects == {1: ObjectState()}
        project.apply("f1", [block(2, 3, 7, 9, 1)])  # undo reaches behind the snapshot
        assert project.facts("f1").objects[1].accepted
