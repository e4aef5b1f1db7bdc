"""What a project tells about itself and its fields."""

from __future__ import annotations

import threading
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project.generations import FieldFacts
from napari_selfreg.io.project.journal import Journal
from napari_selfreg.io.project.manifest import Manifest, ProjectField
from napari_selfreg.io.project.memory import FieldMemory, Memory
from napari_selfreg.io.project.records import Labels
from napari_selfreg.io.project.recovery import Recovered, recover
from napari_selfreg.io.project.snapshots import Snapshots

_READS = 3


class Reading:
    """The methods of `Project` that change nothing."""

    folder: Path
    read_only: bool
    manifest: Manifest
    _journal: Journal
    _memory: Memory
    _snapshots: Snapshots
    _lock: threading.RLock

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.manifest.name

    @property
    def fields(self) -> tuple[ProjectField, ...]:
        """All fields, in order."""
        return self.manifest.fields

    @property
    def problem(self) -> str:
        """Why changes are in memory only, for a person; empty while all is on disk."""
        return self._journal.problem

    @property
    def sequence(self) -> int:
        """Number of the last change."""
        return self._journal.sequence

    @property
    def looked_at(self) -> str | None:
        """Id of the field that was open last."""
        return self._memory.looked_at

    @property
    def active_version(self) -> str | None:
        """Id of the model version in use."""
        return self._memory.active

    @property
    def bookmarked(self) -> dict[str, int]:
        """Name of each bookmark -> its generation; see `Bookmarks`."""
        return self._memory.bookmarks

    def field(self, field: str) -> ProjectField:
        """Return one field; raises KeyError."""
        return self._memory.fields[field].record

    def facts(self, field: str) -> FieldFacts:
        """Return objects, regions, camera, note, state and model of a field, as they are now."""
        with self._lock:
            return self._of(field).facts()

    def steps(self, field: str) -> int:
        """Return how many edits of labels or objects a field had since the project was opened."""
        return self._of(field).steps

    def labels(self, field: str) -> Labels:
        """Return the labels of a field, as they are in the journal.

        Returns
        -------
        ndarray of int32, shape (Y, X)
            A read-only view that later edits show up in: compare a layer with it to find what is
            not yet written; copy it to paint on.

        Raises
        ------
        BadInputError
            If they are damaged.
        """
        for _ in range(_READS):
            try:
                with self._lock:
                    view = self._load(field).view()
                    view.flags.writeable = False
                    return view
            except FileNotFoundError:
                if not self.read_only:
                    break
                self._take_over(recover(self.folder))  # the writer has replaced its generation
        raise BadInputError(f"The labels of a field of {self.name} are missing: put them back.")

    def release(self, field: str) -> None:
        """Free the memory of a field's labels if they are on disk; `labels` reads them again."""
        with self._lock:
            memory = self._of(field)
            if not memory.changed:
                memory.labels = None

    def _take_over(self, recovered: Recovered) -> None:
        with self._lock:
            self.manifest = recovered.manifest
            self._memory = recovered.memory
            stored = recovered.sequence - recovered.replayed
            self._snapshots = Snapshots(
                self.folder, self._memory, self._journal, self._lock, stored
            )

    def _of(self, field: str) -> FieldMemory:
        return self._memory.fields[field]

    def _load(self, field: str) -> Labels:
        memory = self._of(field)
        return memory.load(lambda: self._snapshots.stored_labels(memory))
