"""The journal: every record is handed to the operating system before an edit returns.

A record that was appended outlives the death of this program at once, and a power cut after at
most a second: a thread of the journal's own flushes the file. Where the disk is full, records wait
in memory, in order, and are written as soon as there is room.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from napari_selfreg.core.errors import WriteError
from napari_selfreg.io.atomic import flush_folder, write_error
from napari_selfreg.io.project.frames import HEADER, pack_frame
from napari_selfreg.io.project.records import Record

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
"""How long records may wait for the disk, so that many share one flush."""

_RETRY_SECONDS = 2.0


class Journal:
    """Writes records into one file after the other.

    Parameters
    ----------
    path_of : callable
        Number of a file -> its path. Files are made with their first record.
    number : int
        Of the first file, which must not exist.
    sequence : int
        Number of the last record so far; the next one has one more.
    on_problem : callable, optional
        Called with a sentence when records cannot be written, and with "" when they are again;
        in any thread.
    """

    def __init__(
        self,
        path_of: Callable[[int], Path],
        number: int,
        sequence: int,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self._path_of = path_of
        self._number = number
        self._sequence = sequence
        self._on_problem = on_problem
        self._waiting: deque[bytes] = deque()
        self._problem = ""
        self._unstored = ""
        self._file: int | None = None
        self._size = 0
        self._fresh = False
        self._lock = threading.RLock()
        self._flushing = threading.Lock()
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def number(self) -> int:
        """Number of the file that is written."""
        return self._number

    @property
    def sequence(self) -> int:
        """Number of the last record."""
        return self._sequence

    @property
    def size(self) -> int:
        """Bytes in the present file."""
        return self._size

    @property
    def problem(self) -> str:
        """Why records wait in memory, for a person; empty while all is well."""
        return self._problem

    def append(self, record: Record) -> int:
        """Write a record; on a full disk it waits in memory and `problem` says so.

        Parameters
        ----------
        record : Record

        Returns
        -------
        int
            Its sequence number.
        """
        with self._lock:
            self._sequence += 1
            self._waiting.append(pack_frame(self._sequence, record))
            self._write_waiting()
            self._start_thread()
        self._dirty.set()
        return self._sequence

    def flush(self) -> None:
        """Write what waits and have the disk store it.

        Raises
        ------
        WriteError
            If the disk refuses; records stay in memory.
        """
        with self._lock:
            self._write_waiting()
            if self._waiting:
                raise WriteError(self._problem)
            file = None if self._file is None else os.dup(self._file)
        if file is None:
            return
        try:
            with self._flushing:
                os.fsync(file)  # outside the lock: appending goes on meanwhile
                if os.name == "posix" and os.fstat(file).st_nlink == 0:
                    raise FileNotFoundError(errno.ENOENT, "it was deleted meanwhile")
                if self._fresh:
                    with suppress(FileNotFoundError):  # moved as a whole, and the file with it
                        flush_folder(self._path_of(self._number).parent)
                    self._fresh = False
            self._unstored = ""
        except OSError as error:
            failed = write_error(self._path_of(self._number), error)
            self._unstored = str(failed)  # what waits in the system's memory is not safe either
            raise failed from error
        finally:
            os.close(file)
        with self._lock:
            if not self._waiting:
                self._report("")

    def rotate(self, number: int) -> int:
        """Finish the present file and go on in another.

        Parameters
        ----------
        number : int
            Of the next file.

        Returns
        -------
        int
            Number of the last record before the new file.

        Raises
        ------
        WriteError
            If not all records are on disk; the present file then stays in use.
        """
        with self._lock:
            self.flush()
            self._close_file()
            self._number = number
            return self._sequence

    def close(self) -> None:
        """Flush and end the thread; raises WriteError if records cannot be written."""
        self._stop.set()
        self._dirty.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            try:
                self.flush()
            finally:
                self._close_file()

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.popleft()
        except OSError as error:
            self._report(str(write_error(self._path_of(self._number), error)))
        else:
            self._report(self._unstored)

    def _write(self, frame: bytes) -> None:
        """Append a frame whole, or leave the file as it was."""
        if self._file is None:
            self._open_file()
        assert self._file is not None
        os.lseek(self._file, self._size, os.SEEK_SET)  # over what a failed attempt left
        try:
            _write_all(self._file, frame)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(frame)

    def _open_file(self) -> None:
        path = self._path_of(self._number)
        path.parent.mkdir(exist_ok=True)
        # What a failed attempt left holds no record.
        flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags, 0o666)
        try:
            _write_all(file, HEADER)
        except OSError:
            os.close(file)
            raise
        self._file, self._size, self._fresh = file, len(HEADER), True

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = None, 0

    def _report(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        if self._on_problem is not None:
            self._on_problem(problem)

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_flushing, name="journal", daemon=True)
            self._thread.start()

    def _keep_flushing(self) -> None:
        while not self._stop.is_set():
            self._dirty.wait()
            self._stop.wait(FLUSH_SECONDS)
            self._dirty.clear()
            try:
                self.flush()
            except WriteError as error:
                logger.info("the journal waits for the disk: %s", error)
                self._report(str(error))
                self._dirty.set()
                self._stop.wait(_RETRY_SECONDS)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
