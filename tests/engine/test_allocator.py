"""The allocator: fewer page faults inside, memory given back after, silence elsewhere."""

from __future__ import annotations

import resource
import sys

import numpy as np
import psutil
import pytest

from napari_selfreg.engine import allocator
from napari_selfreg.engine.allocator import freed_memory_kept

GLIBC = pytest.mark.skipif(allocator._glibc() is None, reason="needs glibc")


def _faults_of_a_step() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(40 * 2**20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@GLIBC
def test_pages_are_touched_once_instead_of_every_step() -> None:
    with freed_memory_kept() as active:
        assert active
        _faults_of_a_step()
        inside = _faults_of_a_step()
    outside = _faults_of_a_step()
    assert inside * 10 < outside


@GLIBC
def test_memory_is_given_back_at_the_end() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with freed_memory_kept(), freed_memory_kept():
        np.ones(200 * 2**20, np.uint8)
        assert process.memory_info().rss - before > 150 * 2**20
    assert process.memory_info().rss - before < 50 * 2**20


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    allocator._glibc.cache_clear()
    try:
        with freed_memory_kept() as active:
            assert not active
    finally:
        allocator._glibc.cache_clear()


def test_an_error_inside_still_ends_the_block() -> None:
    with pytest.raises(KeyError), freed_memory_kept():
        raise KeyError("x")
    assert allocator._users == 0
