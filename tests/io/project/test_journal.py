"""The journal: order, torn ends, damage, full disks, flushing by itself."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.io.project import journal as module
from napari_selfreg.io.project.frames import HEADER, pack_frame, read_journal
from napari_selfreg.io.project.journal import Journal
from napari_selfreg.io.project.records import Edit, NoteSet, Record, decode, encode
from tests.io.project.script import record_at
from tests.io.project.steps import block

RECORDS = [record_at(index) for index in range(1, 12)]


def write(path: Path, records: list[Record] = RECORDS) -> list[int]:
    """Write records; return where each of them ends."""
    journal = Journal(lambda _: path, 1, 0)
    ends = []
    for record in records:
        journal.append(record)
        ends.append(path.stat().st_size)
    journal.close()
    return ends


@pytest.mark.parametrize("index", range(1, 21))
def test_records_are_read_as_they_were_written(index: int) -> None:
    record = record_at(index)
    again = decode(*encode(record))
    assert again == record
    if isinstance(record, Edit):
        for (box, values), (_, wanted) in zip(again.values(), record.values(), strict=True):
            assert values.shape == box.shape
            np.testing.assert_array_equal(values, wanted)


def test_records_are_in_the_file_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "1"
    journal = Journal(lambda _: path, 1, 41)
    assert journal.append(RECORDS[0]) == 42
    assert read_journal(path).records == ((42, RECORDS[0]),)
    journal.close()


def test_a_torn_end_is_dropped_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    ends = write(path)
    data = path.read_bytes()
    for length in [*range(0, ends[1] + 40), *range(ends[-2] - 3, ends[-1])]:
        (tmp_path / "torn").write_bytes(data[:length])
        content = read_journal(tmp_path / "torn")
        whole = sum(end <= length for end in ends)
        assert [record for _, record in content.records] == RECORDS[:whole]
        assert not content.damaged


def test_damage_in_the_middle_is_read_around_and_told(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ends = write(path)
    data = bytearray(path.read_bytes())
    for place in (len(HEADER) + 1, ends[3] + 6, ends[3] + 30, 3):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        content = read_journal(path)
        lost = [index for index, _ in enumerate(RECORDS) if index + 1 not in dict(content.records)]
        assert len(lost) == (place > len(HEADER))
        assert content.damaged


def test_labels_that_look_like_a_frame_are_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    inner = NoteSet(field="f1", text="x")
    write(path, [NoteSet(field="f1", text=str(pack_frame(9, inner))), inner])
    with path.open("ab") as stream:
        stream.write(pack_frame(3, inner)[:-1])
    assert [index for index, _ in read_journal(path).records] == [1, 2]


def test_files_follow_one_another(tmp_path: Path) -> None:
    journal = Journal(lambda number: tmp_path / str(number), 1, 0)
    assert list(tmp_path.iterdir()) == []  # nothing to write, no file
    journal.append(RECORDS[0])
    assert journal.rotate(2) == 1
    journal.append(RECORDS[1])
    journal.close()
    for number in (1, 2):
        ((sequence, record),) = read_journal(tmp_path / str(number)).records
        assert (sequence, record) == (number, RECORDS[number - 1])


class FullDisk:
    """os.write that refuses, after half of the bytes, while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._write = os.write
        monkeypatch.setattr(module.os, "write", self)

    def __call__(self, file: int, data: Any) -> int:
        if self.full:
            self._write(file, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(file, data)


def test_records_wait_for_a_full_disk_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    path = tmp_path / "journal"
    disk = FullDisk(monkeypatch)
    journal = Journal(lambda _: path, 1, 0, told.append)
    journal.append(RECORDS[0])
    disk.full = True
    journal.append(RECORDS[1])
    journal.append(RECORDS[2])
    assert "disk is full" in journal.problem
    assert told == [journal.problem]
    assert [record for _, record in read_journal(path).records] == RECORDS[:1]
    with pytest.raises(WriteError, match="disk is full"):
        journal.rotate(2)
    disk.full = False
    journal.append(RECORDS[3])
    assert journal.problem == ""
    assert told[1:] == [""]
    journal.close()
    assert [record for _, record in read_journal(path).records] == RECORDS[:4]
    assert not read_journal(path).damaged


def test_a_disk_that_was_full_from_the_start_gets_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    disk.full = True
    journal = Journal(lambda _: tmp_path / "journal", 1, 0)
    journal.append(RECORDS[0])
    with pytest.raises(WriteError):
        journal.close()
    disk.full = False
    journal.close()
    assert [record for _, record in read_journal(tmp_path / "journal").records] == RECORDS[:1]


def test_the_journal_is_flushed_by_a_thread_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = threading.Event()
    threads: list[str] = []

    def fsync(_: int) -> None:
        threads.append(threading.current_thread().name)
        flushed.set()

    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(module.os, "fsync", fsync)
    journal = Journal(lambda _: tmp_path / "journal", 1, 0)
    journal.append(Edit.of("f1", [block(0, 0, 2, 2, 1)]))
    assert flushed.wait(60)
    assert threads[0] == "journal"
    journal.close()


def test_a_disk_that_cannot_flush_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    journal = Journal(lambda _: tmp_path / "journal", 1, 0, lambda _: told.set())
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", fsync)
        journal.append(RECORDS[0])
        assert told.wait(60)
        assert "Input/output error" in journal.problem
    journal.close()


def short_writes(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    write = os.write
    monkeypatch.setattr(module.os, "write", lambda file, data: write(file, bytes(data)[:most]))


@pytest.mark.parametrize("most", [1, 7, 24, 100])
def test_a_disk_that_takes_a_part_at_a_time_gets_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    short_writes(monkeypatch, most)
    path = tmp_path / "journal"
    write(path, RECORDS[:3])
    content = read_journal(path)
    assert [record for _, record in content.records] == RECORDS[:3]
    assert not content.damaged


def test_half_a_record_that_could_not_be_cut_off_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    disk = FullDisk(monkeypatch)
    journal = Journal(lambda _: path, 1, 0)
    journal.append(RECORDS[0])
    disk.full = True

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "ftruncate", refuse)
        journal.append(RECORDS[1])
        journal.append(RECORDS[2])
    assert "disk is full" in journal.problem  # not what ftruncate said
    disk.full = False
    for record in RECORDS[3:6]:
        journal.append(record)
    journal.close()
    content = read_journal(path)
    assert list(content.records) == list(enumerate(RECORDS[:6], start=1))
    assert not content.damaged


def test_the_problem_names_the_journal_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    disk.full = True
    path = tmp_path / "journal"
    journal = Journal(lambda _: path, 1, 0)
    assert journal.append(RECORDS[0]) == 1
    assert journal.problem == (
        f"{path} could not be written, the disk is full: free some space or choose a folder on "
        "another disk."
    )
    disk.full = False
    journal.flush()
    assert journal.problem == ""
    journal.close()


def test_a_disk_that_does_not_store_stays_a_problem_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that reach the system's memory only must not look safe in between."""
    told: list[str] = []
    monkeypatch.setattr(module, "FLUSH_SECONDS", 3600.0)  # only when asked here
    journal = Journal(lambda _: tmp_path / "journal", 1, 0, told.append)

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", refuse)
        journal.append(RECORDS[0])
        for record in RECORDS[1:4]:
            with pytest.raises(WriteError, match="Input/output error"):
                journal.flush()
            journal.append(record)
        assert "Input/output error" in journal.problem
        assert told == [journal.problem]
    journal.flush()
    assert journal.problem == ""
    assert told[1:] == [""]
    journal.close()


def test_sequence_and_size_are_those_of_the_present_file(tmp_path: Path) -> None:
    journal = Journal(lambda number: tmp_path / str(number), 3, 7)
    assert (journal.number, journal.sequence, journal.size) == (3, 7, 0)
    journal.append(RECORDS[0])
    assert journal.size == (tmp_path / "3").stat().st_size
    assert journal.rotate(9) == 8
    assert (journal.number, journal.sequence, journal.size) == (9, 8, 0)
    assert not (tmp_path / "9").exists()
    journal.close()
    journal.close()


def test_records_of_many_threads_are_all_there_once(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(lambda _: path, 1, 0)
    given: list[int] = []

    def append(worker: int) -> None:
        given.extend(
            journal.append(NoteSet(field="f1", text=f"{worker} {count}")) for count in range(40)
        )

    threads = [threading.Thread(target=append, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    records = read_journal(path).records
    assert [index for index, _ in records] == list(range(1, 161)) == sorted(given)
    for worker in range(4):
        texts = [record.text for _, record in records if record.text.startswith(f"{worker} ")]
        assert texts == [f"{worker} {count}" for count in range(40)]


def test_a_folder_for_journals_is_made_and_flushed_with_its_first_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(module, "flush_folder", flushed.append)
    journal = Journal(lambda number: tmp_path / "journal" / str(number), 1, 0)
    for record in RECORDS[:2]:
        journal.append(record)
        journal.flush()
    journal.rotate(2)
    journal.append(RECORDS[2])
    journal.close()
    assert flushed == [tmp_path / "journal"] * 2
