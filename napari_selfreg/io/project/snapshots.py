"""Take a snapshot while a person goes on editing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from napari_selfreg.io.project.creation import write_fields
from napari_selfreg.io.project.frozen import Frozen
from napari_selfreg.io.project.generations import (
    labels_folder,
    next_number,
    point_to,
    remove_unused,
    write_state,
)
from napari_selfreg.io.project.journal import Journal
from napari_selfreg.io.project.manifest import require_there
from napari_selfreg.io.project.memory import FieldMemory, Memory, painted
from napari_selfreg.io.project.ome_labels import read_labels
from napari_selfreg.io.project.records import Labels


@dataclass(frozen=True, slots=True)
class _Copied:
    """How far the copy of a field's labels goes."""

    edits: int
    waiting: int


class Snapshots:
    """Writes generations of a project.

    Parameters
    ----------
    folder : Path
        Of the project.
    memory : Memory
    journal : Journal
    lock : RLock
        Guards `memory`; held only while labels of one field are copied.
    sequence : int
        Number of the last record in the present generation.
    """

    def __init__(
        self,
        folder: Path,
        memory: Memory,
        journal: Journal,
        lock: threading.RLock,
        sequence: int,
    ) -> None:
        self.sequence = sequence
        self._folder = folder
        self._memory = memory
        self._journal = journal
        self._lock = lock
        self._one = threading.Lock()
        self._bookmarks = dict(memory.bookmarks)

    @property
    def current(self) -> bool:
        """Whether the present generation holds everything."""
        kept = self._bookmarks == self._memory.bookmarks
        return kept and self.sequence == self._journal.sequence

    def take(self, bookmark: str = "") -> int:
        """Write a generation and make it the present one.

        What is edited meanwhile goes into the next journal. Labels copied late may already hold
        some of it: replaying absolute values over them changes nothing.

        Parameters
        ----------
        bookmark : str, optional
            Keep the generation under this name.

        Returns
        -------
        int
            Its number.

        Raises
        ------
        WriteError
            If it cannot be written, or the folder is gone: the one before, and its journal, stay
            in use.
        """
        require_there(self._folder)
        with self._one:
            self._journal.flush()  # so that little is left to flush while nobody can edit
            with self._lock:
                number = next_number(self._folder)
                number = max(number, self._journal.number + 1)
                sequence = self._journal.rotate(number)
                state = self._memory.state(sequence)
                changed = [each for each in self._memory.fields.values() if each.changed]
            if bookmark:
                state.bookmarks[bookmark] = number
            copied: dict[str, _Copied] = {}
            write_fields(
                self._folder,
                number,
                [each.record for each in changed],
                lambda field: self._copy(field, copied),
            )
            self._journal.flush()
            state.labels.update(dict.fromkeys(copied, number))
            write_state(self._folder, number, state)
            point_to(self._folder, number)
            with self._lock:
                self._adopt(number, copied, bookmark)
                self.sequence, self._bookmarks = sequence, state.bookmarks
            remove_unused(self._folder, number, state)
            return number

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """Hold the state of this moment; no snapshot is taken until the context ends."""
        with self._one:
            yield Frozen(self._memory, self._journal.sequence, self._lock, self.stored_labels)

    def stored_labels(self, memory: FieldMemory) -> Labels:
        """Return a field's labels in its generation; raises FileNotFoundError, BadInputError."""
        record = memory.record
        number = self._memory.generation_of.get(record.id)
        if number is None:
            raise FileNotFoundError(record.id)
        return read_labels(labels_folder(self._folder, number, record.id), record.shape)

    def _copy(self, field: str, copied: dict[str, _Copied]) -> Labels:
        with self._lock:
            memory = self._memory.fields[field]
            copied[field] = _Copied(memory.edits, len(memory.waiting))
            if memory.labels is not None:
                return memory.labels.copy()
            return painted(self.stored_labels(memory), memory.waiting)

    def _adopt(self, number: int, copied: dict[str, _Copied], bookmark: str) -> None:
        for field, done in copied.items():
            memory = self._memory.fields[field]
            memory.stored = done.edits
            self._memory.generation_of[field] = number
            if memory.labels is None:
                del memory.waiting[: done.waiting]
        if bookmark:
            self._memory.bookmarks[bookmark] = number
