"""Reading labelled volumes one after the other, and saying once what is odd about their files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.io.volume.datasets import VolumeCase, read_case
from napari_selfreg.io.volume.grid import Spacing, Volume

Made = TypeVar("Made")
Labels = npt.NDArray[np.int32]

_NAMED = 5
"""Of more files than this only the first are named."""


class FileNotes:
    """Sentences about files: each kind once, with the names of all files it holds for."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def add(self, case: VolumeCase, sentences: Sequence[str]) -> list[str]:
        """Keep what `read_case` said of a case, and return what is of a new kind.

        Parameters
        ----------
        case : VolumeCase
        sentences : sequence of str
            Each begins with the name of one of the case's files.

        Returns
        -------
        list of str
        """
        new = []
        for sentence in sentences:
            names = [file.name for file in (case.image, case.labels)]
            name = max((n for n in names if sentence.startswith(n)), key=len, default="")
            files = self._files.setdefault(sentence.removeprefix(name), [])
            if not files:
                new.append(sentence)
            if name not in files:
                files.append(name)
        return new

    def sentences(self, least: int = 1) -> list[str]:
        """Return one sentence for each kind that holds for at least so many files."""
        return [
            f"{_listed(files)}{kind}" for kind, files in self._files.items() if len(files) >= least
        ]


def read_cases(
    cases: Sequence[VolumeCase],
    use: Callable[[VolumeCase, Volume, Labels], Made],
    spacing: Spacing | None = None,
) -> Generator[Event, None, list[Made]]:
    """Read cases one after the other.

    Parameters
    ----------
    cases : sequence of VolumeCase
    use : callable
        ``use(case, image, labels)``; what it returns is kept, the volume is not.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, for files that do not state their place in space.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    list
        What `use` returned for every case.

    Raises
    ------
    BadInputError
        If a file cannot be read, or labels do not lie on their image.
    """
    notes, made = FileNotes(), []
    for number, case in enumerate(cases):
        yield Progress(number, len(cases), "Reading volumes")
        image, labels, sentences = read_case(case, spacing)
        notes.add(case, sentences)
        made.append(use(case, image, labels))
    for sentence in notes.sentences():
        yield Notice(sentence)
    return made


def _listed(names: Sequence[str]) -> str:
    """Return names as the subject of a sentence that was written for one."""
    if len(names) < 2:
        return "".join(names)
    others = len(names) - 1
    shown = ", ".join(names[1 : _NAMED + 1]) + (", …" if others > _NAMED else "")
    more = "one more" if others == 1 else f"{others} more"
    return f"{names[0]} (and {more}: {shown})"
