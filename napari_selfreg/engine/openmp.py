"""Threads whose operations PyTorch does not share out.

``torch.set_num_threads`` also sets the number of every thread that starts later, of other jobs
too. The OpenMP library behind it keeps a number per thread: that one is set here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch

Result = TypeVar("Result")

_LIBRARIES = ("libtorch_cpu.so", "libtorch_cpu.dylib", "libiomp5md.dll")
"""What leads to PyTorch's OpenMP: on Linux, macOS, Windows."""


def compute_alone() -> bool:
    """Let PyTorch compute every operation of the calling thread on this thread alone.

    Returns
    -------
    bool
        Whether that is so now; other threads are as before.
    """
    torch.get_num_threads()  # PyTorch sets the number of a thread when it is first needed
    set_threads = _omp_set_num_threads()
    if set_threads is not None:
        set_threads(1)
    return torch.get_num_threads() == 1


@cache
def can_compute_alone() -> bool:
    """Return whether `compute_alone` works with this build of PyTorch."""
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(compute_alone).result() and torch.get_num_threads() == before


def in_one_thread(function: Callable[[], Result]) -> Result:
    """Return the result of `function`, called in a thread that computes alone where possible."""
    with ThreadPoolExecutor(1, "alone", initializer=compute_alone) as pool:
        return pool.submit(function).result()


@cache
def _omp_set_num_threads() -> Callable[[int], Any] | None:
    folder = Path(torch.__file__).parent / "lib"
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(str(folder / name)).omp_set_num_threads
        except (OSError, AttributeError):
            continue
        function.argtypes, function.restype = [ctypes.c_int], None
        return function
    return None
