"""How many windows at a time, and what to do when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.devices import free_memory_on

TOO_SMALL = (
    "Memory does not suffice for the smallest tile: close other programs, or choose the device cpu."
)
"""Where not even that can be computed."""

MOST = 16
"""Larger batches gain nothing."""

_SHARE = 0.6


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of PyTorch or Python means that memory ran out."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


@contextmanager
def told_of_memory(remedy: str) -> Iterator[None]:
    """Say in one sentence that memory ran out in a training, which cannot take smaller steps.

    Parameters
    ----------
    remedy : str
        How the sentence ends: what to do about it.

    Raises
    ------
    DeviceError
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"Memory does not suffice for a step of the training: {remedy}"
        ) from error


class BatchSize:
    """The number of windows of one forward.

    On a CPU one window at a time is fastest. On a GPU the first forward, of one window, tells
    what a window needs; from then on as many as fit the free memory.

    Parameters
    ----------
    device : torch.device
        Where the network runs.
    most : int, default 16
        Never more than this.
    """

    def __init__(self, device: torch.device, most: int = MOST) -> None:
        self._device = device
        self._most = 1 if device.type == "cpu" else most
        self._grown = device.type != "cuda"
        self.size = 1 if device.type == "cuda" else min(self._most, 4)
        self._start()

    def grow(self) -> None:
        """Take as many as fit, once the first forward is done."""
        if self._grown:
            return
        self._grown = True
        used = torch.cuda.max_memory_allocated(self._device) - self._before
        free = free_memory_on(self._device)
        cached = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(
            self._device
        )
        self.size = max(1, min(self._most, int(_SHARE * (free + cached) / max(used, 1))))

    def shrink(self) -> bool:
        """Halve after running out of memory; False if it cannot become smaller."""
        self._grown = True
        if self.size == 1:
            return False
        self.size //= 2
        return True

    def release(self) -> None:
        """Give cached memory back before the next attempt."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()

    def _start(self) -> None:
        self._before = 0
        if not self._grown:
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
