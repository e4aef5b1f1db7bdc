"""Copies of open projects, wherever they go and whatever the disk says."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.project import Camera, ObjectState, Project, copying
from napari_selfreg.io.project.frozen import Frozen
from napari_selfreg.io.project.generations import labels_folder
from tests.bundles import tiny_bundle
from tests.io.project.script import record_at
from tests.io.project.steps import block, content, new_project


def edited(folder: Path) -> Project:
    project = new_project(folder, "ab")
    for index in range(1, 25):
        project.record(record_at(index))
    return project


def test_a_copy_is_complete_with_versions_and_place(tmp_path: Path) -> None:
    with edited(tmp_path) as project:
        version = project.versions.add(tiny_bundle(tmp_path / "m.safetensors"), "Mine", note="n")
        project.versions.activate(version.id)
        project.set_camera("f2", Camera(center=(1, 2), zoom=3))
        before = content(project)
        target = project.copy_to(tmp_path / "copy")
        project.set_note("f1", "only in the original")
        assert not project.problem
    with Project.open(target) as copy:
        assert content(copy) == before
        assert copy.versions.active == version
        assert copy.versions.check(version.id).parent.parent == target
        assert (copy.sequence, copy.bookmarks.names, copy.name) == (0, (), project.name)
        copy.apply("f1", [block(0, 0, 1, 1, 9)])  # it can be edited like any other
        after = content(copy)
    with Project.open(target) as copy:
        assert content(copy) == after


@pytest.mark.parametrize("place", ["copy", "deep/er/copy", "../copy"])
def test_images_are_found_from_the_new_place(tmp_path: Path, place: str) -> None:
    with new_project(tmp_path / "here", "ab") as project:
        target = project.copy_to(tmp_path / "here" / place)
    with Project.open(target) as copy:
        assert {copy.images.state(field.id) for field in copy.fields} == {"found"}
        assert copy.images.path("f2").samefile(tmp_path / "here" / "b.png")
        assert not Path(copy.fields[0].image.path).is_absolute()


def test_a_reader_can_copy_too(tmp_path: Path) -> None:
    with edited(tmp_path) as project, Project.open(project.folder) as reader:
        target = reader.copy_to(tmp_path / "copy")
        before = content(project)
    with Project.open(target) as copy:
        assert not copy.read_only
        assert content(copy) == before


def test_a_closed_project_can_still_be_saved_elsewhere(tmp_path: Path) -> None:
    project = edited(tmp_path)
    before = content(project)
    project.close()
    with Project.open(project.copy_to(tmp_path / "copy")) as copy:
        assert content(copy) == before


def test_a_version_whose_file_is_lost_does_not_stop_the_copy(tmp_path: Path) -> None:
    with edited(tmp_path) as project:
        version = project.versions.add(tiny_bundle(tmp_path / "m.safetensors"), "Mine")
        project.versions.path(version.id).unlink()
        with Project.open(project.copy_to(tmp_path / "copy")) as copy:
            assert copy.versions.all == (version,)


def edit_while_copying(
    monkeypatch: pytest.MonkeyPatch, edit: Callable[[], object], *, first: bool
) -> None:
    """Have something happen before or after the labels of every field are read."""
    read = Frozen.labels

    def labels(self: Frozen, field: str) -> np.ndarray:
        if first:
            edit()
        found = read(self, field)
        if not first:
            edit()
        return found

    monkeypatch.setattr(Frozen, "labels", labels)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_edits_that_come_meanwhile_are_not_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool, loaded: bool, stored: bool
) -> None:
    with edited(tmp_path) as project:
        if stored:
            project.snapshot()
        before = content(project)
        if not loaded:
            project.snapshot()
            for field in project.fields:
                project.release(field.id)

        def edit() -> None:
            for name in ("f1", "f2"):
                project.apply(name, [block(0, 0, 4, 5, 90)], {90: ObjectState(accepted=True)})
            project.set_note("f1", "later")

        edit_while_copying(monkeypatch, edit, first=first)
        target = project.copy_to(tmp_path / "copy")
        monkeypatch.undo()
        assert content(project) != before
    with Project.open(target) as copy:
        assert content(copy) == before


def test_a_snapshot_of_another_thread_waits_for_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with edited(tmp_path) as project:
        before, waited = content(project), []
        snapshot = threading.Thread(target=project.snapshot)

        def begin() -> None:
            if snapshot.ident is None:
                project.set_note("f1", "later")
                snapshot.start()
            snapshot.join(0.05)
            waited.append(snapshot.is_alive())

        edit_while_copying(monkeypatch, begin, first=True)
        target = project.copy_to(tmp_path / "copy")
        snapshot.join(20)
        assert waited == [True, True]
        assert not snapshot.is_alive()
    with Project.open(target) as copy:
        assert content(copy) == before


def test_a_reader_copies_one_state_whatever_the_owner_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with edited(tmp_path) as project:
        project.snapshot()
        with Project.open(project.folder) as reader:
            rounds: list[int] = []

            def replace() -> None:
                if not rounds:
                    for name in ("f1", "f2"):
                        project.apply(name, [block(0, 0, 4, 5, 90)])
                    project.snapshot()  # which removes what the reader was about to read
                rounds.append(1)

            edit_while_copying(monkeypatch, replace, first=True)
            target = reader.copy_to(tmp_path / "copy")
            assert len(rounds) > 2  # it began anew
        monkeypatch.undo()
        owner = content(project)
    with Project.open(target) as copy:
        assert content(copy) == owner


def test_an_owner_who_never_rests_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with edited(tmp_path) as project, Project.open(project.folder) as reader:
        project.snapshot()

        def replace() -> None:
            project.apply("f1", [block(0, 0, 1, 1, project.sequence)])
            project.apply("f2", [block(0, 0, 1, 1, project.sequence)])
            project.snapshot()

        edit_while_copying(monkeypatch, replace, first=True)
        with pytest.raises(BadInputError, match="another window just now"):
            reader.copy_to(tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_lost_labels_are_said(tmp_path: Path) -> None:
    new_project(tmp_path).close()
    with Project.open(tmp_path / "case.selfreg") as project:
        shutil.rmtree(labels_folder(project.folder, 1, "f1"))
        with pytest.raises(BadInputError, match="missing"):
            project.copy_to(tmp_path / "copy")


def test_what_is_in_the_way_stays(tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    (target / "mine.txt").touch()
    with edited(tmp_path) as project, pytest.raises(BadInputError, match="is not empty"):
        project.copy_to(target)
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


def test_a_full_disk_leaves_nothing_there_and_the_project_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    other = tmp_path / "disk"
    other.mkdir()
    with edited(tmp_path) as project:
        project.versions.add(tiny_bundle(tmp_path / "m.safetensors"), "Mine")
        before = content(project)
        with monkeypatch.context() as patch:
            patch.setattr(copying.shutil, "copy2", refuse)
            with pytest.raises(WriteError) as caught:
                project.copy_to(other / "copy")
        assert str(caught.value).startswith(f"{other / 'copy'} could not be written, the disk is")
        assert list(other.iterdir()) == []
        assert content(project) == before


def test_damaged_labels_are_told_and_not_copied(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    (labels_folder(project.folder, 1, "f1") / "0" / "zarr.json").write_text("{")
    with Project.open(project.folder) as again, pytest.raises(BadInputError, match="are damaged"):
        again.copy_to(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
