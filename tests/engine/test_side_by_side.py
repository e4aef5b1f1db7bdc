"""Pieces of work, each on one core."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import torch

from napari_selfreg.engine import side_by_side
from napari_selfreg.engine.batching import is_out_of_memory
from napari_selfreg.engine.openmp import can_compute_alone
from napari_selfreg.engine.side_by_side import SideBySide
from tests.threads import threads

needs_openmp = pytest.mark.skipif(not can_compute_alone(), reason="threads cannot compute alone")


@pytest.fixture(autouse=True)
def three_threads():
    """Whatever the machine: three threads."""
    with threads(3):
        yield


def names(items=range(12)):
    """Return the threads that did the items, when each takes a moment."""
    seen = set()

    def task(item):
        time.sleep(0.01)
        seen.add(threading.current_thread().name)

    with SideBySide() as cores:
        cores.for_each(task, list(items))
    return seen


@needs_openmp
def test_every_thread_works_and_the_caller_waits():
    found = names()
    assert len(found) == 3
    assert threading.current_thread().name not in found


@needs_openmp
def test_each_thread_computes_alone():
    numbers = set()
    with SideBySide() as cores:
        cores.for_each(lambda item: numbers.add(torch.get_num_threads()), range(12))
    assert numbers == {1}
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_every_item_is_done_once(count):
    done = []
    with SideBySide() as cores:
        for _ in range(2):
            cores.for_each(done.append, range(count))
    assert sorted(done) == sorted(2 * list(range(count)))


def test_a_single_item_is_done_by_the_caller():
    assert names([1]) == {threading.current_thread().name}


def test_one_thread_needs_no_others():
    torch.set_num_threads(1)
    assert names() == {threading.current_thread().name}


def test_without_threads_that_compute_alone_the_caller_does_all(monkeypatch):
    monkeypatch.setattr(side_by_side, "can_compute_alone", lambda: False)
    assert names() == {threading.current_thread().name}


def test_outside_the_block_the_caller_does_all():
    done = []
    cores = SideBySide()
    with cores:
        pass
    cores.for_each(lambda item: done.append(threading.current_thread().name), range(3))
    assert done == 3 * [threading.current_thread().name]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        MemoryError(),
    ],
)
def test_a_lack_of_memory_reaches_the_caller_as_it_was(error):
    def task(item):
        if item == 2:
            raise error

    with SideBySide() as cores, pytest.raises(type(error)) as caught:
        cores.for_each(task, range(6))
    assert is_out_of_memory(caught.value)


@needs_openmp
def test_after_an_error_nothing_runs_on_and_nothing_new_begins():
    begun, running = [], []

    def task(item):
        begun.append(item)
        if item == 0:
            raise ValueError("broken")
        running.append(item)
        time.sleep(0.02)
        running.remove(item)

    with SideBySide() as cores:
        with pytest.raises(ValueError, match="broken"):
            cores.for_each(task, range(100))
        assert running == []
        assert len(begun) < 100
        cores.for_each(running.append, range(4))
    assert sorted(running) == [0, 1, 2, 3]


def test_no_thread_outlives_the_block():
    before = threading.active_count()
    names()
    with pytest.raises(KeyboardInterrupt), SideBySide() as cores:
        cores.for_each(lambda item: None, range(9))
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_the_interpreter_ends_though_a_block_was_never_left():
    code = (
        "import torch; torch.set_num_threads(2);"
        "from napari_selfreg.engine.side_by_side import SideBySide;"
        "done = []; cores = SideBySide().__enter__(); cores.for_each(done.append, [1, 2, 3]);"
        "print(*done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert sorted(done.stdout.split()) == ["1", "2", "3"]
