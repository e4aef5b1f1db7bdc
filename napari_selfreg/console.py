"""What a shell command shows: results on stdout, all else on stderr, faults as one sentence.

Every command runs inside `session`: whatever libraries print goes to stderr, so that with
``--json`` stdout holds the document alone; every fault becomes an exit code.
"""

from __future__ import annotations

import datetime
import errno
import json
import math
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, TypeVar

import typer

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.progress_line import ProgressLine, writable, write_if_possible

Result = TypeVar("Result")

EXIT_FAILED = 1

_OUT_OF_REACH = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


class Stopped(BaseException):
    """A job was ended by a signal; `signum` says which.

    Not an Exception: nothing on the way may take it for a fault.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Console:
    """Where a command's words go.

    Parameters
    ----------
    out : text stream
        The true stdout.
    as_json : bool
        Whether stdout is reserved for one JSON document.
    """

    def __init__(self, out: TextIO, as_json: bool) -> None:
        self._out = out
        self.as_json = as_json
        self._progress = ProgressLine(sys.stderr)
        self._told: Counter[str] = Counter()

    def line(self, text: str) -> None:
        """Show a line of the result to a person; dropped when JSON was asked for."""
        if not self.as_json:
            self._progress.clear()
            self._give(text)

    def note(self, text: str) -> None:
        """Tell something beside the result, on stderr."""
        self._progress.clear()
        write_if_possible(sys.stderr, text + "\n")

    def note_once(self, text: str, subject: str = "") -> None:
        """Tell something unless it was told before, be it of another subject (an image)."""
        key = text.replace(subject, "the image") if subject else text
        self._told[key] += 1
        if self._told[key] == 1:
            self.note(text)

    def tell_repeats(self) -> None:
        """Say for how many more images each note of `note_once` holds."""
        for key, count in self._told.items():
            if count > 1:
                more = "one more image" if count == 2 else f"{count - 1} more images"
                self.note(f"The same holds for {more}: {key}")
        self._told.clear()

    def document(self, value: Any) -> None:
        """Write the JSON document if one was asked for; NaN becomes null."""
        if self.as_json:
            self._progress.clear()
            self._give(json.dumps(without_nan(value), indent=2, allow_nan=False))

    def _give(self, text: str) -> None:
        """Write a part of the result; WriteError where stdout is a file that cannot take it."""
        try:
            self._out.write(writable(self._out, text + "\n"))
            self._out.flush()
        except BrokenPipeError:  # the reader has seen enough
            raise
        except OSError as error:
            from napari_selfreg.io.atomic import write_error

            raise write_error(Path("The output"), error) from error

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows with aligned columns to a person."""
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for row in [head, ["-" * width for width in widths], *rows]:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(cells).rstrip())

    def run(self, job: Generator[Any, None, Result], label: str = "") -> Result:
        """Run a job with progress; Ctrl-C ends it at its next event.

        Parameters
        ----------
        job : generator of Event
            Closed in every case, so that it can keep what is done.
        label : str
            Shown before the job's own words, for example the name of the image.
        """
        from napari_selfreg.engine.events import run

        self._progress.start(label)
        with _signals_end_jobs(self.note) as check:

            def on_event(event: Any) -> None:
                note = self._progress.show(event)
                if note:
                    self.note_once(note, label)
                check()

            try:
                return run(job, on_event)
            finally:
                self._progress.clear()


@contextmanager
def session(as_json: bool = False) -> Iterator[Console]:
    """Run a command: give it a console and turn its faults into exit codes.

    Parameters
    ----------
    as_json : bool
        Whether stdout is reserved for one JSON document.

    Yields
    ------
    Console

    Raises
    ------
    typer.Exit
        1 with one sentence on stderr if the command failed; 130 after Ctrl-C, 143 after SIGTERM.
    """
    _listen_to_ctrl_c()
    _open_closed_streams()
    with _stdout_reserved() as out:
        console = Console(out, as_json)
        try:
            with warnings.catch_warnings():
                if not sys.warnoptions:  # those of libraries are for developers (python -W)
                    warnings.simplefilter("ignore")
                yield console
        except SelfRegError as error:
            console.note(f"Error: {error}")
            raise typer.Exit(EXIT_FAILED) from None
        except (KeyboardInterrupt, Stopped) as stop:
            signum = stop.signum if isinstance(stop, Stopped) else signal.SIGINT
            console.note("Stopped.")
            raise typer.Exit(128 + signum) from None
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except OSError as error:
            console.note(f"Error: {_refused(error) or unexpected(error)}")
            raise typer.Exit(EXIT_FAILED) from None
        except Exception as error:
            if type(error).__module__.startswith(("typer.", "click.")):
                raise  # usage errors are shown by typer
            console.note(f"Error: {unexpected(error)}")
            raise typer.Exit(EXIT_FAILED) from None


def _refused(error: OSError) -> str:
    """Return the sentence for a path that the system does not let us reach, or an empty text."""
    if error.filename is None or error.errno not in _OUT_OF_REACH:
        return ""
    if error.errno == errno.ENAMETOOLONG:
        return f"{os.fspath(error.filename)[:60]}… is too long for a path: check the name."
    return (
        f"{error.filename} cannot be read, permission is missing: allow it, or copy what you need "
        "to another folder."
    )


def unexpected(error: BaseException) -> str:
    """Keep the traceback of an error nobody foresaw and return the sentence to show."""
    first = (str(error).strip().splitlines() or [""])[0][:300]
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    log = _write_log("".join(traceback.format_exception(error)))
    where = f"the details are in {log}" if log else "the details could not be saved"
    return f"Something unexpected went wrong ({what}); {where}, please report them."


def without_nan(value: Any) -> Any:
    """Return `value` with paths as text and numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def log_folder() -> Path:
    """Return the folder for tracebacks (it may not exist yet)."""
    import platformdirs

    return platformdirs.user_log_path("napari-selfreg", appauthor=False)


def _write_log(text: str) -> Path | None:
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    for folder in (log_folder(), Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"napari-selfreg-error-{stamp}.log"
            path.write_text(text, "utf-8", errors="replace")
            return path
    return None


def _listen_to_ctrl_c() -> None:
    """Undo what shells do to commands started with ``&``: they ignore Ctrl-C, also `kill -INT`."""
    with suppress(ValueError):  # not the main thread
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _open_closed_streams() -> None:
    """Let what is written to a stream that was closed (``2>&-``) vanish."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, stream)


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # a test has replaced it
        return -1


@contextmanager
def _stdout_reserved() -> Iterator[TextIO]:
    """Give the true stdout and send everything else that is printed, also by C code, to stderr."""
    out, other = sys.stdout, _descriptor(sys.stderr)
    if _descriptor(out) != 1:
        with redirect_stdout(sys.stderr):
            yield out
        return
    out.flush()
    saved = os.dup(1)
    os.dup2(other if other >= 0 else 2, 1)
    true_stdout = open(saved, "w", encoding=out.encoding, closefd=False)  # noqa: SIM115
    try:
        with redirect_stdout(sys.stderr):
            yield true_stdout
    finally:
        with suppress(OSError):  # what it could not take has been told
            true_stdout.close()
        os.dup2(saved, 1)
        os.close(saved)


@contextmanager
def _signals_end_jobs(note: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Let the first Ctrl-C or SIGTERM wait for the next event, and the second end at once.

    Yields a function that raises `Stopped` if a signal has come.
    """
    received: list[int] = []

    def handle(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        if len(received) > 1:
            raise Stopped(signum)
        note("Stopping and keeping what is done (press Ctrl-C again to stop at once) …")

    def check() -> None:
        if received:
            raise Stopped(received[0])

    previous: dict[int, Any] = {}
    with suppress(ValueError):  # not the main thread
        for signum in (signal.SIGINT, signal.SIGTERM):
            previous[signum] = signal.signal(signum, handle)
    try:
        yield check
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
