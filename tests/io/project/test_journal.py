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
