"""One writer per project."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.project import Project
from napari_selfreg.io.project import lock as module
from napari_selfreg.io.project.lock import FILE_NAME, IN_USE, NO_PERMISSION, ProjectLock
from tests.io.project.steps import block, content, new_project


def test_one_at_a_time_and_then_the_next(tmp_path: Path) -> None:
    first, second = ProjectLock(tmp_path), ProjectLock(tmp_path)
    assert (first.reason, second.reason) == ("", IN_USE)
    second.release()  # what it never had
    assert ProjectLock(tmp_path).reason == IN_USE
    first.release()
    third = ProjectLock(tmp_path)
    assert third.reason == ""
    third.release()
    third.release()


def test_a_folder_that_cannot_be_written_gets_no_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    lock = ProjectLock(tmp_path)
    assert lock.reason == NO_PERMISSION
    assert list(tmp_path.iterdir()) == []
    lock.release()


@pytest.mark.parametrize("error", [OSError("no locks here"), NotImplementedError("nor here")])
def test_a_disk_without_locks_is_only_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module.FileLock, "acquire", refuse)
    assert ProjectLock(tmp_path).reason == NO_PERMISSION


def test_a_project_on_a_read_only_disk_is_looked_at_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project(tmp_path)
    project.apply("f1", [block(0, 0, 2, 2, 7)])
    before = content(project)
    project.close()
    (project.folder / FILE_NAME).unlink()
    files = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    with Project.open(project.folder) as reader:
        assert (reader.read_only, reader.reason) == (True, NO_PERMISSION)
        assert content(reader) == before
        for act in (
            lambda: reader.apply("f1", [block(0, 0, 1, 1, 1)]),
            lambda: reader.set_note("f1", "x"),
            lambda: reader.versions.activate(None),
            reader.snapshot,
        ):
            with pytest.raises(WriteError) as caught:
                act()
            assert str(caught.value) == NO_PERMISSION
        assert content(reader) == before
    assert files == {
        path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()
    }


def test_a_project_that_cannot_be_read_is_not_left_locked(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    generations = project.folder / "generations"
    generations.rename(tmp_path / "away")
    with pytest.raises(BadInputError, match="cannot be read"):
        Project.open(project.folder)
    (tmp_path / "away").rename(generations)
    with Project.open(project.folder) as again:
        assert not again.read_only
