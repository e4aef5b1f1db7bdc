"""The state of a project at one moment, to be read while a person goes on editing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from napari_selfreg.io.project.generations import Generation
from napari_selfreg.io.project.memory import FieldMemory, Memory, painted
from napari_selfreg.io.project.records import Edit, Labels


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A field at that moment: its labels, or how to come by them."""

    memory: FieldMemory
    edits: int
    labels: Labels | None
    waiting: tuple[Edit, ...]


class Frozen:
    """Facts and labels of all fields as they were when it was made.

    Labels that were edited since the last generation are copied at once, all others when they are
    asked for. The caller sees to it that no snapshot is taken until then.

    Parameters
    ----------
    memory : Memory
    sequence : int
        Number of the last record.
    lock : RLock
        Guards `memory`.
    stored : callable
        Returns the labels of a field in its generation; raises FileNotFoundError, BadInputError.
    """

    def __init__(
        self,
        memory: Memory,
        sequence: int,
        lock: threading.RLock,
        stored: Callable[[FieldMemory], Labels],
    ) -> None:
        self._lock, self._stored = lock, stored
        with lock:
            self.state: Generation = memory.state(sequence)
            self._parts = {name: _part(each) for name, each in memory.fields.items()}

    def labels(self, field: str) -> Labels:
        """Return the labels of a field; raises FileNotFoundError, BadInputError."""
        part = self._parts[field]
        if part.labels is not None:
            return part.labels
        with self._lock:
            memory = part.memory
            if memory.labels is not None and memory.edits == part.edits:
                return memory.labels.copy()
        return painted(self._stored(part.memory), part.waiting)


def _part(memory: FieldMemory) -> _Part:
    copied = memory.labels.copy() if memory.labels is not None and memory.changed else None
    return _Part(memory, memory.edits, copied, tuple(memory.waiting))
