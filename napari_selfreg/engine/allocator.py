"""Keep freed memory inside the process while a job runs (glibc only).

A training step frees and takes hundreds of megabytes of activations. glibc gives blocks of that
size back to the system at once, and the system clears every page again for the next step: about a
quarter of a step's time on CPU. Elsewhere (macOS, Windows, musl) this module does nothing.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

# From glibc's malloc.h, with its default values.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 256 * 2**20}
_DEFAULT = {_M_MMAP_MAX: 65536, _M_TRIM_THRESHOLD: 128 * 2**10, _M_TOP_PAD: 128 * 2**10}

_lock = Lock()
_users = 0


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Reuse freed memory until the block ends, then give all of it back to the system.

    Blocks may overlap, in one thread or several: the last to end gives the memory back.

    Yields
    ------
    bool
        Whether the allocator could be told.
    """
    global _users
    libc = _glibc()
    with _lock:
        _users += 1
        active = _set(_KEEP) if libc is not None else False
    try:
        yield active
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and libc is not None:
                _set(_DEFAULT)
                libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
    except OSError:  # a Linux with another C library
        return None


def _set(options: dict[int, int]) -> bool:
    libc = _glibc()
    return libc is not None and all(libc.mallopt(key, value) for key, value in options.items())
