"""Checks of how much memory is taken."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

LITTLE = 50 << 20


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail if more than 50 MB are taken inside, which nothing on a small picture needs."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < LITTLE
