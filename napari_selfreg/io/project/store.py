"""A project: the folder that holds a person's corrections, regions and model versions.

Layout::

    project.json            images and model versions, readable
    current.json            which generation is the present one
    generations/000007/     labels as OME-Zarr, state.json: all else
    journal/000007.journal  what was done since
    models/                 bundles of the model versions
    lock                    held by the one process that may write
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from napari_selfreg.core.errors import SelfRegError, WriteError
from napari_selfreg.io.project.bookmarks import Bookmarks
from napari_selfreg.io.project.creation import NewField, write_project
from napari_selfreg.io.project.editing import Editing
from napari_selfreg.io.project.generations import (
    Generation,
    journal_file,
    next_number,
)
from napari_selfreg.io.project.images import Images
from napari_selfreg.io.project.journal import Journal
from napari_selfreg.io.project.keeper import Keeper
from napari_selfreg.io.project.lock import ProjectLock
from napari_selfreg.io.project.manifest import (
    MAX_NAME,
    Manifest,
    ProjectField,
    VersionRecord,
    manifest_file,
    read_manifest,
    require_there,
    write_manifest,
)
from napari_selfreg.io.project.memory import Blocks, FieldMemory, Prepared, check_blocks
from napari_selfreg.io.project.reading import Reading
from napari_selfreg.io.project.records import (
    Edit,
    Record,
    as_ids,
)
from napari_selfreg.io.project.recovery import Recovered, recover
from napari_selfreg.io.project.versions import Versions

logger = logging.getLogger(__name__)

SNAPSHOT_BYTES = 32 << 20
"""A snapshot is taken once a journal is larger, so that opening stays quick."""


class Project(Editing, Reading):
    """An open project; use it as a context manager or call `close`.

    Every change is in memory and in the journal when its method returns. If the disk refuses,
    memory is changed all the same, `problem` says why, and the records are written as soon as the
    disk takes them; `copy_to` saves everything elsewhere.

    Make one with `create` or `open`. All methods may be called from any thread.

    Attributes
    ----------
    folder : Path
    read_only : bool
        Whether another process writes the project, or its folder cannot be written.
    reason : str
        Why it is read-only, for a person; else empty.
    warnings : tuple of str
        What could not be read when it was opened, for a person.
    images : Images
        Where the images are; *Locate…*.
    versions : Versions
        Model versions.
    bookmarks : Bookmarks
        States to go back to.
    manifest : Manifest
        What ``project.json`` holds.
    on_problem : callable or None
        Called with `problem` whenever it changes, in any thread.
    """

    def __init__(self, folder: Path, lock: ProjectLock, recovered: Recovered) -> None:
        self.folder = folder
        self.reason = lock.reason
        self.read_only = bool(lock.reason)
        self.warnings = recovered.warnings
        self.manifest: Manifest = recovered.manifest
        self.on_problem: Callable[[str], None] | None = None
        self._file_lock = lock
        self._lock = threading.RLock()
        self._keeper = Keeper()
        self._journal = Journal(
            lambda number: journal_file(folder, number),
            next_number(folder),
            recovered.sequence,
            self._tell,
        )
        self._take_over(recovered)
        self.images = Images(self)
        self.versions = Versions(self)
        self.bookmarks = Bookmarks(self)
        self._closed = False

    @classmethod
    def create(cls, folder: str | Path, fields: Sequence[NewField], name: str = "") -> Self:
        """Write a new project and open it.

        Parameters
        ----------
        folder : path-like
            Missing or empty; see `napari_selfreg.io.project.places` for a good place.
        fields : sequence of NewField
            Images with their labels.
        name : str
            Of the project; that of the folder by default.

        Returns
        -------
        Project

        Raises
        ------
        BadInputError
            If the folder is not empty or an image cannot be read.
        WriteError
            If it cannot be written; nothing is left behind.
        """
        target = Path(folder).absolute()
        named = {f"f{number}": new for number, new in enumerate(fields, start=1)}
        records = tuple(new.record(identity, target) for identity, new in named.items())
        manifest = Manifest(name=(name or target.stem)[:MAX_NAME], fields=records)
        facts = {identity: new.facts() for identity, new in named.items()}
        write_project(
            target,
            manifest,
            Generation(facts=facts),
            lambda field: as_ids(named[field].labels),
        )
        return cls.open(target)

    @classmethod
    def open(cls, folder: str | Path, *, hash_images: bool = True) -> Self:
        """Open a project; read-only if another process has it open.

        Parameters
        ----------
        folder : path-like
            The folder, or the ``project.json`` inside.
        hash_images : bool
            Hash images in the background where that was not done since they were written.

        Returns
        -------
        Project

        Raises
        ------
        BadInputError
            If it is no project, or damaged beyond repair.
        """
        place = manifest_file(folder).parent.absolute()
        read_manifest(place)  # before a lock file is made in a folder that is none
        lock = ProjectLock(place)
        try:
            project = cls(place, lock, recover(place))
        except BaseException:
            lock.release()
            raise
        if hash_images:
            project.check_images()
        return project

    def record(self, record: Record, blocks: Blocks | None = None) -> int:
        """Put a record into memory and journal; see `apply`."""
        with self._lock:
            self.check_writable()
            if isinstance(record, Edit):
                memory = self._of(record.field)
                check_blocks(record, memory.record.whole)
                known = list(record.values()) if blocks is None else blocks
                if known and memory.told:
                    self.labels(record.field)
                record = memory.step(record, known)
            else:
                self._memory.apply(record)
            return self._log(record)

    def prepare(self, record: Edit) -> Prepared:
        """Work out what an edit leads to without doing it, so that `carry_out` takes no time."""
        with self._lock:
            self.labels(record.field)
            trial = self._of(record.field).trial()
        check_blocks(record, trial.record.whole)
        steps = trial.steps
        return Prepared(trial.step(record, list(record.values())), trial, steps)

    def carry_out(self, prepared: Prepared) -> bool:
        """Do an edit that was prepared; False, and nothing is done, if its field has changed."""
        with self._lock:
            self.check_writable()
            memory = self._of(prepared.record.field)
            if memory.steps != prepared.steps:
                return False
            memory.become(prepared.after)
            self._log(prepared.record)
        return True

    def add_field(self, new: NewField) -> str:
        """Add an image with its labels.

        Parameters
        ----------
        new : NewField

        Returns
        -------
        str
            Id of the field.

        Raises
        ------
        BadInputError
            If the image cannot be read.
        WriteError
            If the project cannot be written; it then stays as it was.
        """
        self.check_writable()
        with self._lock:
            used = [int(name[1:]) for name in self._memory.fields if name[1:].isdigit()]
            record = new.record(f"f{max(used, default=0) + 1}", self.folder)
            memory = FieldMemory(record, np.array(as_ids(new.labels)), edits=1)
            memory.set_facts(new.facts())
            self._memory.fields[record.id] = memory
        try:
            self.snapshot()
            with self._lock:
                self.change_manifest(fields=(*self.fields, record))
        except (SelfRegError, OSError):
            with self._lock:
                del self._memory.fields[record.id]
            raise
        self.check_images()
        return record.id

    def check_images(self) -> None:
        """Hash and compare images in the background; see `Images.hash_all`."""
        self._keeper.ask(self.images.hash_all)

    def snapshot(self, bookmark: str = "") -> int:
        """Write all changes as a generation; opening then needs no journal.

        Parameters
        ----------
        bookmark : str, optional
            Keep it under this name, to go back to.

        Returns
        -------
        int
            Number of the generation.

        Raises
        ------
        WriteError
            If it cannot be written; everything stays as it was.
        """
        self.check_writable()
        return self._snapshots.take(bookmark)

    def copy_to(self, folder: str | Path) -> Path:
        """Write everything, as it is in memory, as a project elsewhere.

        Parameters
        ----------
        folder : path-like
            Missing or empty.

        Returns
        -------
        Path
            The new project's folder; this project stays open where it is.

        Raises
        ------
        BadInputError
            If the folder is not empty, or another window replaces files faster than they are read.
        WriteError
            If it cannot be written.

        Notes
        -----
        The copy is the state of one moment. Editing goes on meanwhile, snapshots wait.
        """
        from napari_selfreg.io.project.copying import copy_project

        return copy_project(self, Path(folder).absolute())

    def close(self) -> None:
        """Write a snapshot if there is anything new, and give the project back.

        Raises
        ------
        WriteError
            If changes are in memory only and the disk still refuses them; the project is closed
            all the same, so look at `problem` first.
        """
        with self._lock:  # no record may come between
            if self._closed:
                return
            self._closed = True
        self._keeper.stop()
        try:
            if not self.read_only:
                self._snapshot_in_time(lambda: False)
            self._journal.close()
        finally:
            self._file_lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was given back."""
        return self._closed

    def check_writable(self) -> None:
        """Raise WriteError, saying why, if nothing may be changed."""
        if self.read_only:
            raise WriteError(self.reason)
        if self._closed:
            raise WriteError(f"{self.name} is closed: open it again to change it.")

    def change_manifest(self, **changes: Any) -> None:
        """Replace parts of ``project.json``; raises WriteError and changes nothing if it fails."""
        with self._lock:
            self.check_writable()
            require_there(self.folder)
            manifest = self.manifest.model_copy(update=changes)
            write_manifest(self.folder, manifest)
            self.manifest = manifest

    def change_fields(self, change: Callable[[ProjectField], ProjectField]) -> None:
        """Replace the records of fields in ``project.json``."""
        with self._lock:
            fields = tuple(map(change, self.manifest.fields))
            self.change_manifest(fields=fields)
            for record in fields:
                self._memory.fields[record.id].record = record

    def change_versions(
        self, change: Callable[[tuple[VersionRecord, ...]], tuple[VersionRecord, ...]]
    ) -> None:
        """Replace the records of model versions in ``project.json``."""
        with self._lock:
            self.change_manifest(versions=change(self.manifest.versions))

    def _log(self, record: Record) -> int:
        sequence = self._journal.append(record)
        if self._journal.size > SNAPSHOT_BYTES:
            self._keeper.ask(self._snapshot_in_time)
        return sequence

    def _snapshot_in_time(self, stopped: Callable[[], bool]) -> None:
        """Take a snapshot if there is anything new; the journal has it all, should it fail."""
        if stopped() or self._snapshots.current:
            return
        try:
            self._snapshots.take()
        except (SelfRegError, OSError) as error:
            logger.info("no snapshot: %s", error)

    def _tell(self, problem: str) -> None:
        if self.on_problem is not None:
            self.on_problem(problem)
