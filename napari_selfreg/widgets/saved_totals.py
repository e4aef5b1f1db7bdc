"""Totals of fields that were saved in an earlier session, read in the background."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.totals import Totals
from napari_selfreg.engine.events import Event
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.outputs import output_paths
from napari_selfreg.io.saved_results import saved_totals
from napari_selfreg.widgets.latest import Latest

_Stamp = tuple[Path, Path, int]
"""Image, folder of its results, and when these were written."""


class SavedTotals(QObject):
    """Keeps the totals of what lies on disk; read again when it was written again.

    Parameters
    ----------
    owner : QWidget
        Widget whose life the reading shares.

    Attributes
    ----------
    changed : Signal()
        More is known.
    """

    changed = Signal()

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._known: dict[_Stamp, Totals | None] = {}
        self._reader = Latest(owner)
        self._reader.done.connect(self._on_read)

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._reader.running

    def of(self, fields: Iterable[Any], directory: Path | None) -> list[Totals]:
        """Return what is known of some fields, and read what is not.

        Parameters
        ----------
        fields : iterable of Field
            Pictures, of which no objects are at hand.
        directory : Path or None
            Where results lie; beside each image without it.
        """
        stamps = [stamp for each in fields if (stamp := _stamp(each.path, directory)) is not None]
        unknown = tuple(stamp for stamp in stamps if stamp not in self._known)
        if unknown:
            self._reader.submit(_read, unknown)
        found = (self._known.get(stamp) for stamp in stamps)
        return [totals for totals in found if totals is not None]

    def _on_read(self, found: dict[_Stamp, Totals | None]) -> None:
        self._known.update(found)
        self.changed.emit()


def _stamp(image: Path, directory: Path | None) -> _Stamp | None:
    """Return what tells one saving from the next; None where nothing is saved."""
    folder = directory or results_folder(image)
    try:
        written = output_paths(folder, image.stem)["measurements"].stat().st_mtime_ns
    except OSError:
        return None
    return image, folder, written


def _read(stamps: tuple[_Stamp, ...]) -> Generator[Event, None, dict[_Stamp, Totals | None]]:
    yield from ()
    return {stamp: saved_totals(stamp[0], stamp[1]) for stamp in stamps}
