"""Images by reference: found again by where they lie, recognised by their content."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project.manifest import ImageReference

ImageState = Literal["found", "changed", "missing"]
"""Whether the image of a field is where it was, and the same."""

_SAMPLE = 1 << 16
_PIECE = 1 << 20
_COARSE_NS = 2 * 10**9
"""The clocks of some disks go in steps of two seconds."""


class Stamp(NamedTuple):
    """What changes with the content of a file, and is told without reading it."""

    file: Path
    size: int
    mtime_ns: int

    @property
    def sure(self) -> bool:
        """Whether the file cannot change once more without another time."""
        return time.time_ns() - self.mtime_ns > _COARSE_NS


def reference_to(image: str | Path, project: Path) -> ImageReference:
    """Return a reference to an image, with its fingerprint.

    Parameters
    ----------
    image : path-like
        An existing file.
    project : Path
        Folder that the path is given from.

    Returns
    -------
    ImageReference

    Raises
    ------
    BadInputError
        If it cannot be read.
    """
    file = Path(image).absolute()
    try:
        size, fingerprint = file.stat().st_size, fingerprint_of(file)
    except OSError as error:
        raise BadInputError(f"{file.name} cannot be read ({error.strerror}).") from error
    return ImageReference(path=relative_to(file, project), size=size, fingerprint=fingerprint)


def fingerprint_of(file: Path) -> str:
    """Return a SHA-256 over the size and three samples of a file: fast for slides, too."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        for place in (0, size // 2, max(0, size - _SAMPLE)):
            stream.seek(place)
            digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()


def full_hash(file: Path, stopped: Callable[[], bool]) -> str | None:
    """Return the SHA-256 of a whole file, None if it was stopped before its end."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            if stopped():
                return None
            digest.update(piece)
    return digest.hexdigest()


def stamp_of(file: Path) -> Stamp | None:
    """Return size and time of a file, None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(file, found.st_size, found.st_mtime_ns)


def place_of(reference: ImageReference, project: Path) -> Path:
    """Return where an image should lie."""
    return Path(os.path.normpath(project.absolute() / reference.path))


def state_of(reference: ImageReference, project: Path) -> ImageState:
    """Tell whether an image lies where it should, and is the same."""
    file = place_of(reference, project)
    try:
        if file.stat().st_size != reference.size:
            return "changed"
        return "found" if fingerprint_of(file) == reference.fingerprint else "changed"
    except OSError:
        return "missing"


def relative_to(file: Path, project: Path) -> str:
    """Return the path of a file from a project's folder, with forward slashes."""
    try:
        return Path(os.path.relpath(file, project.absolute())).as_posix()
    except ValueError:  # another drive of Windows
        return file.as_posix()
