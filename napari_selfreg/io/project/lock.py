"""One writer per project: a lock of the operating system, which dies with its owner."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

FILE_NAME = "lock"

IN_USE = "This project is open in another window: here it can be looked at, but not changed."
NO_PERMISSION = (
    "The folder of this project cannot be written: it can be looked at, but not changed."
)


class ProjectLock:
    """The right to write into a folder.

    Parameters
    ----------
    folder : Path
        Of the project.

    Attributes
    ----------
    reason : str
        Why the right was not given, for a person; empty if it was.
    """

    def __init__(self, folder: Path) -> None:
        # Not per thread: a project may be closed by another thread than opened it.
        self._lock = FileLock(folder / FILE_NAME, timeout=0, thread_local=False)
        self.reason = "" if os.access(folder, os.W_OK) else NO_PERMISSION
        if self.reason:
            return
        try:
            self._lock.acquire()
        except Timeout:
            self.reason = IN_USE
        except (OSError, NotImplementedError):
            self.reason = NO_PERMISSION

    def release(self) -> None:
        """Give the right back; the file stays, since removing it would race."""
        self._lock.release(force=True)
