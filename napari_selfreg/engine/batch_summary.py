"""The summaries of *Run on all*, which may be open in a table program just then."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from napari_selfreg.core.errors import WriteError
from napari_selfreg.engine.events import Notice
from napari_selfreg.io.summary import Row, update_summary

logger = logging.getLogger(__name__)


class Summaries:
    """Writes rows as they come; those that a file cannot take just then wait for the next ones."""

    def __init__(self) -> None:
        self._waiting: dict[Path, list[Row]] = {}
        self._aside: list[str] = []
        self._problems: dict[Path, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: files set aside, and rows that still wait."""
        return *self._aside, *self._problems.values()

    def add(self, folder: Path, row: Row) -> list[Notice]:
        """Write a row, and those that wait.

        Parameters
        ----------
        folder : Path
            Of the results.
        row : mapping
            As for `update_summary`.

        Returns
        -------
        list of Notice
            That a file was set aside, or cannot be written; each is told once.

        Raises
        ------
        WriteError
            If the disk is full.
        """
        before = self.notes
        self._waiting.setdefault(folder, []).append(row)
        for place in list(self._waiting):
            self._write(place)
        return [Notice(note) for note in self.notes if note not in before]

    def close(self) -> None:
        """Write what still waits, if that is possible now: the job may have been cancelled."""
        for place in list(self._waiting):
            with suppress(WriteError):
                self._write(place)

    def _write(self, folder: Path) -> None:
        try:
            aside = update_summary(folder, self._waiting[folder])
        except WriteError as error:
            if error.of_disk:
                raise
            logger.info("a summary waits", exc_info=error)
            self._problems[folder] = f"{error} The results of each field are complete without it."
            return
        del self._waiting[folder]
        self._problems.pop(folder, None)
        self._aside += [aside] if aside else []
