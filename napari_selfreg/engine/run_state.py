"""The folder beside a model in which its training keeps its state."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import write_error
from napari_selfreg.io.outputs import check_writable_file

SELECTION = "selection.json"
"""Scores of the short runs that chose λ."""

_OF_A_PHASE = {"state.safetensors", "best.safetensors", "log.csv"}
_OF_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by looking into a folder
_TEMPORARY = ".selfreg-*.tmp"  # what a killed run may leave while it writes


def fingerprint(
    schedule: str, *parts: Iterable[str], targets: Iterable[npt.NDArray[np.uint8]]
) -> str:
    """Identify what a run learns; the state of a run of anything else must not be resumed.

    Parameters
    ----------
    schedule : str
        The recipe and whatever else decides about the steps.
    *parts : iterable of str
        Names of the images that teach, of those that judge, and so on: an image that moves from
        one part to another makes a difference.
    targets : iterable of ndarray of uint8
        What is to be said of each pixel of all images. Not the images themselves: resampled,
        they may differ in the last bit from one processor to the next.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    names = "|".join(",".join(part) for part in parts)
    digest = hashlib.sha256(f"{schedule}|{names}".encode())
    for target in targets:
        digest.update(str(target.shape).encode())
        digest.update(target.tobytes())
    return digest.hexdigest()[:16]


def state_folder(output: Path) -> Path:
    """Return where a run keeps its state, beside its bundle.

    Parameters
    ----------
    output : Path
        The bundle to be.

    Returns
    -------
    Path

    Raises
    ------
    BadInputError
        If that is no name for a bundle, or the folder holds something that no training wrote.
    WriteError
        If nothing can be written there.
    """
    if output.suffix != ".safetensors":
        raise BadInputError(f"{output.name} is no name for a model: end it with .safetensors.")
    check_writable_file(output)
    folder = output.with_suffix(".training")
    _require_own(folder)
    return folder


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Keep every other run away from a state while the block lasts.

    The lock is one of the operating system: it dies with a run that is killed.

    Parameters
    ----------
    folder : Path
        Of `state_folder`; the lock lies beside it, since it may be set aside.

    Yields
    ------
    None

    Raises
    ------
    BadInputError
        If another run has it.
    """
    file = folder.with_name(f"{folder.name}.lock")
    # Not per thread: a job may be closed by another thread than began it.
    lock = FileLock(file, timeout=0, thread_local=False)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        if file.exists():  # else it could not even be made
            raise BadInputError(
                f"Another training is writing {folder.stem}.safetensors right now: wait for its "
                "end, or give another --output."
            ) from None
    except (OSError, NotImplementedError):
        pass  # some network disks know no locks; what cannot be written will be said
    try:
        yield
    finally:
        held = lock.is_locked
        with suppress(OSError):
            if held:  # before it is released: later it might be another run's
                file.unlink(missing_ok=True)
        lock.release(force=True)


def set_aside(folder: Path) -> str:
    """Move the state of an earlier run out of the way of a new one.

    It may be hours of work and only `--resume` was forgotten, so it is kept until the next time.

    Parameters
    ----------
    folder : Path
        Of `state_folder`.

    Returns
    -------
    str
        A sentence about it; empty if there was no earlier run.

    Raises
    ------
    BadInputError
        If the folder of the run before that one holds something that no training wrote.
    WriteError
        If the folder cannot be moved.
    """
    if not folder.exists():
        return ""
    before = folder.with_name(f"{folder.name}-before")
    _require_own(before)
    try:
        if before.exists():
            shutil.rmtree(before)
        folder.rename(before)
    except OSError as error:
        raise write_error(before, error) from error
    return (
        f"The state of an earlier run now lies in {before.name}; to go on with it, name it "
        f"{folder.name} again and give --resume."
    )


def _require_own(folder: Path) -> None:
    """Refuse a folder, later deleted as a whole, in which something else lies."""
    if not folder.exists():
        return
    if folder.is_dir() and not folder.is_symlink() and all(map(_is_own, folder.iterdir())):
        return
    raise BadInputError(
        f"{folder} holds files that no training wrote: move them, or give another --output."
    )


def _is_own(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return all(_is_file_of_ours(file, _OF_A_PHASE) for file in path.iterdir())
    return _is_file_of_ours(path, {SELECTION})


def _is_file_of_ours(file: Path, names: set[str]) -> bool:
    return file.name in names | _OF_DESKTOPS or file.match(_TEMPORARY)
