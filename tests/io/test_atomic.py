"""A reader sees the old file or the new one; nothing is left behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.io import atomic
from napari_selfreg.io.atomic import atomic_paths, atomic_write, write_error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_and_text_arrive_and_no_temporary_stays(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "new" / "a.bin") as stream:
        stream.write(b"\x00\x01")
    with atomic_write(tmp_path / "new" / "b.txt", "w") as stream:
        stream.write("µm\n")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"\x00\x01"
    assert (tmp_path / "new" / "b.txt").read_bytes() == "µm\n".encode()
    assert names(tmp_path / "new") == ["a.bin", "b.txt"]


def test_old_content_is_there_until_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_write(target, "w") as stream:
        stream.write("new")
        stream.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_failing_block_leaves_the_old_file_alone(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure), atomic_write(target, "w") as stream:
        stream.write("half")
        raise failure
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_full_disk_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    sentence = r"a\.txt .*disk is full: free some space"
    with pytest.raises(WriteError, match=sentence), atomic_write(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_a_device_that_is_really_full(tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match="disk is full"),
        atomic_write(tmp_path / "a.bin"),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x" * 100_000)
    assert names(tmp_path) == []


def test_folder_or_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    sentence = r"taken could not be written \(a folder"
    with pytest.raises(WriteError, match=sentence), atomic_write(tmp_path / "taken"):
        raise AssertionError("never reached")
    (tmp_path / "file").write_text("")
    below_a_file = atomic_write(tmp_path / "file" / "a.txt")
    with pytest.raises(WriteError, match="choose another folder"), below_a_file:
        raise AssertionError("never reached")


def test_missing_permission_says_so() -> None:
    error = write_error(Path("x.csv"), PermissionError(errno.EACCES, "Permission denied"))
    assert "permission is missing" in str(error)
    assert "(odd)" in str(write_error(Path("x"), OSError("odd")))


def test_group_appears_together(tmp_path: Path) -> None:
    targets = [tmp_path / "a", tmp_path / "b"]
    targets[0].write_text("old")
    with atomic_paths(targets) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
        assert targets[0].read_text() == "old"
        assert not targets[1].exists()
    assert [target.read_text() for target in targets] == ["new", "new"]
    assert names(tmp_path) == ["a", "b"]


def test_failed_replacement_undoes_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [tmp_path / name for name in ("a", "b", "c")]
    targets[0].write_text("old a")
    targets[2].write_text("old c")
    replace = os.replace

    def locked(source: Path, target: Path) -> None:
        if Path(target).name == "c" and Path(source).suffix == ".tmp":
            raise PermissionError(errno.EACCES, "in use", str(source))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", locked)
    sentence = r"c could not be written, permission"
    with pytest.raises(WriteError, match=sentence), atomic_paths(targets) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
    assert [targets[0].read_text(), targets[2].read_text()] == ["old a", "old c"]
    assert names(tmp_path) == ["a", "c"]


def test_no_file_is_missing_while_several_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [tmp_path / name for name in ("a", "b")]
    for target in targets:
        target.write_text("old")
    seen: list[list[str]] = []
    replace = os.replace

    def look(source: Path, target: Path) -> None:
        seen.append([target.read_text() for target in targets])
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", look)
    with atomic_paths(targets) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
    assert seen == [["old", "old"], ["new", "old"]]
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("fails", ["", "c"])
def test_disks_without_second_names_do_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(atomic.os, "link", no_links)
    targets = [tmp_path / name for name in ("a", "b", "c")]
    for target in targets:
        target.write_text("old")
    locked = lock(monkeypatch, lambda source, target: target.name == fails and is_new(source))
    if fails:
        with pytest.raises(WriteError, match="c could not be written"):
            put(targets, "new")
    else:
        put(targets, "new")
    assert len(locked) == len(fails)
    assert {target.read_text() for target in targets} == {"old" if fails else "new"}
    assert names(tmp_path) == ["a", "b", "c"]


def test_a_backup_that_is_held_open_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [tmp_path / name for name in ("a", "b")]
    for target in targets:
        target.write_text("old")
    unlink = Path.unlink
    held: list[Path] = []

    def open_elsewhere(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".old" and not held:
            held.append(path)
            raise PermissionError(errno.EACCES, "in use", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", open_elsewhere)
    put(targets, "new")
    assert [target.read_text() for target in targets] == ["new", "new"]
    assert names(tmp_path) == [held[0].name, "a", "b"]


def test_one_file_that_cannot_be_put_back_does_not_keep_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [tmp_path / name for name in ("a", "b", "c")]
    for target in targets:
        target.write_text(f"old {target.name}")
    lock(
        monkeypatch,
        lambda source, target: target.name == "c" or (target.name == "a" and not is_new(source)),
    )
    with pytest.raises(WriteError, match="c could not be written"):
        put(targets, "new")
    assert [target.read_text() for target in targets] == ["new", "old b", "old c"]
    (backup,) = tmp_path.glob(".selfreg-*")
    assert backup.read_text() == "old a"


def is_new(source: Path) -> bool:
    return Path(source).suffix == ".tmp"


def put(targets: list[Path], text: str) -> None:
    with atomic_paths(targets) as temporaries:
        for temporary in temporaries:
            temporary.write_text(text)


def lock(
    monkeypatch: pytest.MonkeyPatch, refuses: Callable[[Path, Path], bool]
) -> list[tuple[Path, Path]]:
    """Refuse some replacements, as a program does that holds a file; return which."""
    refused: list[tuple[Path, Path]] = []
    replace = os.replace

    def guarded(source: Path, target: Path) -> None:
        if refuses(Path(source), Path(target)):
            refused.append((Path(source), Path(target)))
            raise PermissionError(errno.EACCES, "in use", str(source))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", guarded)
    return refused


def test_the_umask_decides_about_permissions(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("POSIX permissions")
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "ours") as stream:
        stream.write(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_name_that_is_no_utf8_becomes_question_marks(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.csv", "w") as stream:
        stream.write("F\udce4ll,1\n")
    assert (tmp_path / "a.csv").read_text("utf-8") == "F?ll,1\n"
