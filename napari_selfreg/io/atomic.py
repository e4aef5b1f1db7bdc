"""Write files so that a reader sees the old content of each or the new, never a half.

Several files take their places one right after the other: for that moment new ones lie beside old
ones. If one cannot be replaced, the others get their old content back.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from napari_selfreg.core.errors import WriteError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_OF_NAME = {errno.ENAMETOOLONG, errno.EISDIR, errno.EILSEQ}


def write_error(path: Path, error: OSError) -> WriteError:
    """Return the sentence a person gets when `path` could not be written.

    Parameters
    ----------
    path : Path
        The file that should have been written.
    error : OSError
        What the operating system said.

    Returns
    -------
    WriteError
    """
    if error.errno in _FULL:
        problem = WriteError(
            f"{path} could not be written, the disk is full: free some space or choose a folder "
            "on another disk."
        )
        problem.of_disk = True
        return problem
    if error.errno in _FORBIDDEN:
        return WriteError(
            f"{path} could not be written, permission is missing: close programs that use the "
            "file or choose another folder."
        )
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _OF_NAME:
        problem = WriteError(f"{path} could not be written ({reason}): choose another name.")
        problem.of_name = True
        return problem
    return WriteError(f"{path} could not be written ({reason}): choose another folder.")


@contextmanager
def atomic_paths(paths: Sequence[str | Path]) -> Iterator[tuple[Path, ...]]:
    """Give one temporary path per target and put all in place at the end.

    The temporaries lie beside their targets and exist (empty) from the start. If the block
    raises, they are removed and every target stays as it was. If one replacement fails, those
    already made are undone. What cannot be undone either, because another program holds it just
    then, keeps its old content beside it in a hidden file, ``.selfreg-….old``.

    Parameters
    ----------
    paths : sequence of path-like
        Targets; missing parent folders are created.

    Yields
    ------
    tuple of Path
        Temporaries, in the order of `paths`.

    Raises
    ------
    WriteError
        For every OSError inside the block, so do nothing there but writing.
    """
    targets = tuple(Path(path) for path in paths)
    temporaries: list[Path] = []
    try:
        for target in targets:  # one by one, so that those made so far are removed on an error
            temporaries.append(_make_temporary(target))  # noqa: PERF401
        yield tuple(temporaries)
        for temporary in temporaries:
            _flush_to_disk(temporary)
        _replace_together(targets, temporaries)
    except OSError as error:
        raise write_error(_blamed(error, targets, temporaries), error) from error
    finally:
        for temporary in temporaries:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | Path, mode: Literal["wb", "w"] = "wb") -> Iterator[IO[Any]]:
    """Open a temporary beside `path` that takes its place when the block ends well.

    Parameters
    ----------
    path : path-like
        Target; missing parent folders are created.
    mode : {"wb", "w"}
        Bytes, or UTF-8 text written without translating line ends; what UTF-8 cannot say becomes
        a question mark.

    Yields
    ------
    file object
        The open temporary.

    Raises
    ------
    WriteError
        For every OSError inside the block, so do nothing there but writing.
    """
    text: dict[str, Any] = {}
    if mode == "w":  # names of files from other systems are not always UTF-8
        text = {"encoding": "utf-8", "errors": "replace", "newline": ""}
    with atomic_paths([path]) as (temporary,), temporary.open(mode, **text) as stream:
        yield stream


def flush_folder(folder: Path) -> None:
    """Have the disk store which names a folder holds; a no-op where that cannot be asked for."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network disks cannot
            raise
    finally:
        os.close(handle)


def _make_temporary(target: Path) -> Path:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder of that name is in the way", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".selfreg-{secrets.token_hex(8)}.tmp"
    with temporary.open("xb"):  # unlike mkstemp this honours the umask
        return temporary


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _replace_together(targets: Sequence[Path], temporaries: Sequence[Path]) -> None:
    """Replace every target, or none: what was there is put back on the first failure."""
    if len(targets) == 1:
        temporaries[0].replace(targets[0])
        return
    kept: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for target in targets:
            if target.exists():
                kept[target] = target.parent / f".selfreg-{secrets.token_hex(8)}.old"
                _keep(target, kept[target])
        for target, temporary in zip(targets, temporaries, strict=True):
            temporary.replace(target)
            placed.append(target)
    except BaseException:
        _put_back(targets, kept, placed)
        raise
    for backup in kept.values():
        with suppress(OSError):  # the new files are in their places all the same
            backup.unlink(missing_ok=True)


def _keep(target: Path, backup: Path) -> None:
    """Give a file a second name, under which it outlives its replacement.

    Not on Windows: a file that another program holds would be found only when it is replaced.
    """
    if os.name == "nt":
        target.replace(backup)
        return
    try:
        os.link(target, backup)
    except (OSError, NotImplementedError):  # some disks know no second names
        target.replace(backup)


def _put_back(targets: Sequence[Path], kept: dict[Path, Path], placed: Sequence[Path]) -> None:
    """Undo what can be undone; a backup that could not be put back stays."""
    for target in targets:
        backup = kept.get(target)
        with suppress(OSError):
            if backup is None:
                if target in placed:
                    target.unlink(missing_ok=True)
            elif target.exists() and target.samefile(backup):  # to rename it would do nothing
                backup.unlink(missing_ok=True)
            else:
                backup.replace(target)


def _blamed(error: OSError, targets: Sequence[Path], temporaries: Sequence[Path]) -> Path:
    """Return the target an error is about: a temporary's name means nothing to a person."""
    if len(temporaries) < len(targets):
        return targets[len(temporaries)]
    named = {str(temporary): target for temporary, target in zip(temporaries, targets, strict=True)}
    return named.get(str(error.filename), targets[0])
