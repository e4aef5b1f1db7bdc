"""Frames: any damage of a journal file loses the records it hits, and no others."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.io.project.frames import (
    HEADER,
    MAGIC,
    JournalContent,
    pack_frame,
    read_journal,
)
from napari_selfreg.io.project.records import NoteSet
from tests.io.project.script import record_at

RECORDS = [record_at(index) for index in range(1, 9)]
FRAMES = [pack_frame(index, record) for index, record in enumerate(RECORDS, start=1)]
NOTE = NoteSet(field="f1", text="x")


def read(data: bytes) -> JournalContent:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "000001.journal"
        path.write_bytes(data)
        return read_journal(path)


def numbers(content: JournalContent) -> list[int]:
    return [index for index, _ in content.records]


def test_frames_come_back_in_order() -> None:
    content = read(HEADER + b"".join(FRAMES))
    assert content == JournalContent(tuple(enumerate(RECORDS, start=1)))


@pytest.mark.parametrize("data", [b"", HEADER[:7], HEADER])
def test_a_file_that_was_just_begun_holds_nothing(data: bytes) -> None:
    assert read(data) == JournalContent(())


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "absent") == JournalContent(())


def test_a_folder_in_place_of_a_journal_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"directory|denied"):
        read_journal(tmp_path)


@settings(max_examples=60)
@given(
    which=st.integers(0, len(FRAMES) - 1), place=st.integers(0, 10_000), value=st.integers(1, 255)
)
def test_one_wrong_byte_loses_one_record(which: int, place: int, value: int) -> None:
    frames = [bytearray(frame) for frame in FRAMES]
    frames[which][place % len(frames[which])] ^= value
    content = read(HEADER + b"".join(frames))
    assert numbers(content) == [index for index in range(1, 9) if index != which + 1]
    assert [record for _, record in content.records] == [
        record for index, record in enumerate(RECORDS) if index != which
    ]
    assert content.damaged == (which < len(FRAMES) - 1)  # the last one looks like a torn end


@settings(max_examples=40)
@given(cut=st.integers(0, len(FRAMES[3])), length=st.integers(1, 600))
def test_a_piece_that_is_missing_is_read_around(cut: int, length: int) -> None:
    data = HEADER + b"".join(FRAMES)
    start = len(HEADER) + sum(map(len, FRAMES[:3])) + cut
    content = read(data[:start] + data[start + length :])
    assert numbers(content)[:3] == [1, 2, 3]
    for index, record in content.records:
        assert record == RECORDS[index - 1]
    assert content.damaged or numbers(content) == list(range(1, len(content.records) + 1))


@given(st.binary(max_size=300))
def test_noise_between_records_is_told(noise: bytes) -> None:
    content = read(HEADER + FRAMES[0] + noise + FRAMES[1])
    assert numbers(content) == [1, 2]
    assert content.damaged == bool(noise)


def test_a_record_of_a_later_program_is_passed_over_and_told() -> None:
    unknown = NOTE.model_copy(update={"kind": "hologram"})
    content = read(HEADER + FRAMES[0] + pack_frame(2, unknown) + pack_frame(3, NOTE))
    assert numbers(content) == [1, 3]
    assert content.damaged


def test_lengths_beyond_the_file_are_not_believed() -> None:
    huge = bytearray(FRAMES[1])
    huge[len(MAGIC) + 8 : len(MAGIC) + 16] = b"\xff" * 8
    content = read(HEADER + FRAMES[0] + bytes(huge) + FRAMES[2])
    assert numbers(content) == [1, 3]
    assert content.damaged


def test_a_number_that_was_changed_is_noticed() -> None:
    other = bytearray(pack_frame(2, NOTE))
    other[len(MAGIC)] = 9
    assert numbers(read(HEADER + bytes(other) + FRAMES[2])) == [3]
