"""Refuse results that would take the place of what they are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_files import LABEL_EXTENSIONS
from napari_selfreg.io.sniff import IMAGE_SUFFIXES, INDEX_SUFFIXES
from napari_selfreg.io.volume.names import VOLUME_SUFFIXES

_READ = (*IMAGE_SUFFIXES, *LABEL_EXTENSIONS, *INDEX_SUFFIXES, *VOLUME_SUFFIXES)


def require_apart(outputs: Iterable[str | Path], inputs: Iterable[str | Path]) -> None:
    """Refuse outputs that are inputs, under whatever name.

    Parameters
    ----------
    outputs : iterable of path-like
        Files that a job will write; most do not exist yet.
    inputs : iterable of path-like
        Files that it reads.

    Raises
    ------
    BadInputError
        Naming the first input that would be replaced.
    """
    taken = {place for path in outputs if (place := _place(path)) is not None}
    if not taken:
        return
    for path in inputs:
        if _place(path) in taken:
            raise BadInputError(
                f"{path} is read and would be replaced by a result: choose another --output."
            )


def read_in(*folders: str | Path) -> Iterator[Path]:
    """Yield what a job on folders may read: images, labels and volumes, also one folder deeper."""
    for folder in map(Path, folders):
        for file in chain(folder.glob("*"), folder.glob("*/*")):
            if file.name.lower().endswith(_READ):
                yield file


def _place(path: str | Path) -> tuple[int, int] | None:
    """Return what is one for all names of a file; links are followed, capitals may not count."""
    with suppress(OSError, ValueError):
        found = Path(path).stat()
        return found.st_dev, found.st_ino
    return None
