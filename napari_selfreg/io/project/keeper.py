"""Work that a project does beside a person's: snapshots in time, hashes of images."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Keeper:
    """Runs tasks one after the other in a thread of its own.

    A task gets a function that tells whether it should stop. Its errors are logged: whatever it
    does is done again later.
    """

    def __init__(self) -> None:
        self._tasks: list[Callable[[Callable[[], bool]], object]] = []
        self._news = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def ask(self, task: Callable[[Callable[[], bool]], object]) -> None:
        """Have a task done soon; the same one waits only once."""
        with self._news:
            if self._stopped or task in self._tasks:
                return
            self._tasks.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="project", daemon=True)
                self._thread.start()
            self._news.notify()

    def stop(self) -> None:
        """End the task in progress, drop the others, and wait for the thread."""
        with self._news:
            self._stopped = True
            self._tasks.clear()
            self._news.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._tasks and not self._stopped:
                    self._news.wait()
                if self._stopped:
                    return
                task = self._tasks.pop(0)
            try:
                task(lambda: self._stopped)
            except Exception as error:  # a thread has nobody to tell
                logger.info("a task of the project failed: %s", error, exc_info=error)
