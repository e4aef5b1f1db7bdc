"""How records lie in a journal file: numbered, checked, and readable around damage.

A file begins with `HEADER`. A frame is ``MAGIC``, then little endian the sequence number (8 bytes),
the lengths of its two parts and the CRC-32 of number, lengths and parts (4 bytes each), then the
record as JSON and the compressed labels that go with it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from napari_selfreg.io.project.records import Record, decode, encode

HEADER = b"napari-selfreg journal 1\n"
MAGIC = b"\x93SRJ"

_NUMBERS = struct.Struct("<QII")
_CHECK = struct.Struct("<I")
_FIXED = len(MAGIC) + _NUMBERS.size + _CHECK.size


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal file holds.

    Parameters
    ----------
    records : tuple of (int, Record)
        Whole records with their sequence numbers, in order.
    damaged : bool
        Whether something between whole records cannot be read. A torn end alone does not count:
        it is what a killed process leaves of the record it was writing.
    """

    records: tuple[tuple[int, Record], ...]
    damaged: bool = False


def pack_frame(sequence: int, record: Record) -> bytes:
    """Return the bytes of one record."""
    text, packed = encode(record)
    numbers = _NUMBERS.pack(sequence, len(text), len(packed))
    check = zlib.crc32(packed, zlib.crc32(text, zlib.crc32(numbers)))
    return b"".join((MAGIC, numbers, _CHECK.pack(check), text, packed))


def read_journal(path: Path) -> JournalContent:
    """Read all whole records of a journal file.

    Parameters
    ----------
    path : Path
        The file; a missing one holds nothing.

    Returns
    -------
    JournalContent

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return JournalContent(())
    records: list[tuple[int, Record]] = []
    damaged = False
    skipped = not data.startswith(HEADER)
    place = 0 if skipped else len(HEADER)
    while place >= 0:
        found = _frame_at(data, place)
        if found is None:
            # A frame may have been torn and others written behind it, or the disk is at fault.
            place = data.find(MAGIC, place + 1)
            skipped = True
            continue
        sequence, record, place = found
        damaged |= skipped
        skipped = False
        records.append((sequence, record))
        if place == len(data):
            break
    return JournalContent(tuple(records), damaged)


def _frame_at(data: bytes, place: int) -> tuple[int, Record, int] | None:
    """Return number, record and end of the frame at `place`, None if there is no whole one."""
    head = data[place : place + _FIXED]
    if len(head) < _FIXED or not head.startswith(MAGIC):
        return None
    numbers = head[len(MAGIC) : -_CHECK.size]
    sequence, text_length, packed_length = _NUMBERS.unpack(numbers)
    middle = place + _FIXED + text_length
    end = middle + packed_length
    if end > len(data):
        return None
    text, packed = data[place + _FIXED : middle], data[middle:end]
    check = zlib.crc32(packed, zlib.crc32(text, zlib.crc32(numbers)))
    if check != _CHECK.unpack(head[-_CHECK.size :])[0]:
        return None
    try:
        return sequence, decode(text, packed), end
    except ValueError:
        return None
