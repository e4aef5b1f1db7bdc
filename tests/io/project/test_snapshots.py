"""Snapshots are taken while a person goes on editing."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from napari_selfreg.io.project import Project, store
from napari_selfreg.io.project.generations import (
    GENERATIONS,
    labels_folder,
    numbers_in,
    present_generation,
)
from tests.io.project.script import Expected, record_at
from tests.io.project.steps import block, content, new_project


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
        copy = tmp_path / "copy.selfreg"
        done.set()
        thread.join()
        shutil.copytree(project.folder, copy)  # without the snapshot of closing
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
