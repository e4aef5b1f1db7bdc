"""Progress of a job as one line of text: rewritten on a terminal, now and then elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

TERMINAL_SECONDS = 0.1
LOG_SECONDS = 10.0


class ProgressLine:
    """Shows events of a job.

    Parameters
    ----------
    stream : text stream
        Usually stderr.
    clock : callable
        Seconds that only grow; another one for tests.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._shown = False
        self.start("")

    def start(self, label: str) -> None:
        """Begin a job; `label` stands before its words."""
        self.clear()
        self._label = label
        self._message = ""
        self._began = self._clock()
        self._next = self._began + (0.0 if self._terminal else LOG_SECONDS)

    def show(self, event: Any) -> str | None:
        """Update the line for an event; return what deserves a line of its own."""
        from napari_selfreg.engine import events

        match event:
            case events.Notice(message):
                return message
            case events.ValidationDone(step, dice, best):
                return f"Step {step}: validation Dice {dice:.4f}{' (best so far)' if best else ''}"
            case events.Progress(done, total, message):
                self._change_message(message)
                self._update(done, total)
            case events.TileDone():
                self._update(event.done, event.total)
            case events.StepDone(step, total, losses):
                loss = losses.get("total", losses.get("loss"))
                self._update(step, total, "" if loss is None else f"loss {loss:.4f}")
        return None

    def clear(self) -> None:
        """Remove the line from a terminal, so that another can be written."""
        if self._shown:
            write_if_possible(self._stream, "\r\x1b[K")
            self._shown = False

    def _change_message(self, message: str) -> None:
        if message != self._message:
            self._message = message
            self._began = self._clock()

    def _update(self, done: int, total: int, extra: str = "") -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (TERMINAL_SECONDS if self._terminal else LOG_SECONDS)
        text = self._text(done, total, extra, now)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            write_if_possible(self._stream, f"\r\x1b[K{text[:width]}")
            self._shown = True
        else:
            write_if_possible(self._stream, text + "\n")

    def _text(self, done: int, total: int, extra: str, now: float) -> str:
        parts = [part for part in (self._label, self._message) if part]
        parts.append(f"{done}/{total}" if total else f"{done}")
        if 0 < done < total:
            parts.append(f"{duration((now - self._began) / done * (total - done))} left")
        if extra:
            parts.append(extra)
        return writable(self._stream, " · ".join(parts))


def write_if_possible(stream: TextIO, text: str) -> None:
    """Write and flush; words that a full disk cannot take must not end a job."""
    try:
        stream.write(writable(stream, text))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass


def writable(stream: TextIO, text: str) -> str:
    """Return `text` with question marks for what the terminal cannot show."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``8 s``, ``4 min``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
