"""Read a project from disk: its present generation, and the journals since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project.frames import read_journal
from napari_selfreg.io.project.generations import (
    JOURNAL,
    Generation,
    journal_file,
    numbers_in,
    present_generation,
)
from napari_selfreg.io.project.manifest import Manifest, read_manifest
from napari_selfreg.io.project.memory import Memory

_TRIES = 5

PARTLY_READ = (
    "A part of the last corrections in {name} was damaged on the disk and is lost; all others are "
    "here."
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A project as it was when its last record was written.

    Parameters
    ----------
    manifest : Manifest
    memory : Memory
    sequence : int
        Number of the last record.
    replayed : int
        Records since the present generation.
    warnings : tuple of str
        What could not be read, for a person.
    """

    manifest: Manifest
    memory: Memory
    sequence: int
    replayed: int
    warnings: tuple[str, ...]


def recover(folder: Path) -> Recovered:
    """Read a project; nothing is written.

    Parameters
    ----------
    folder : Path
        Of the project. Another process may write it meanwhile.

    Returns
    -------
    Recovered

    Raises
    ------
    BadInputError
        If it is no project, or damaged beyond what can be read around.
    """
    manifest = read_manifest(folder)
    number, state, whole = present_generation(folder)
    for _ in range(_TRIES):
        found = _replayed(folder, manifest, number, state, damaged=not whole)
        again, later, whole = present_generation(folder)
        if again == number:
            break
        number, state, manifest = again, later, read_manifest(folder)  # a snapshot came between
    return found


def _replayed(
    folder: Path, manifest: Manifest, number: int, state: Generation, *, damaged: bool
) -> Recovered:
    memory = Memory(manifest.fields, state)
    sequence, replayed = state.sequence, 0
    for journal in numbers_in(folder / JOURNAL):
        if journal < number:
            continue
        try:
            content = read_journal(journal_file(folder, journal))
        except OSError as error:
            raise BadInputError(
                f"The corrections in {folder.name} cannot be read ({error.strerror})."
            ) from error
        damaged |= content.damaged
        for index, record in content.records:
            if index <= sequence:
                continue
            damaged |= index != sequence + 1
            sequence = index
            replayed += 1
            try:
                memory.apply(record)
            except (KeyError, BadInputError):  # of a field that is not in the project
                damaged = True
    warnings = (PARTLY_READ.format(name=folder.name),) if damaged else ()
    return Recovered(manifest, memory, sequence, replayed, warnings)
