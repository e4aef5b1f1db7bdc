"""Threads that compute alone, beside threads that do not."""

from __future__ import annotations

import threading

import pytest
import torch

from napari_selfreg.engine import openmp
from napari_selfreg.engine.openmp import can_compute_alone, compute_alone, in_one_thread
from tests.threads import threads

pytestmark = pytest.mark.skipif(
    not torch.backends.openmp.is_available(), reason="this PyTorch has no OpenMP"
)


@pytest.fixture(autouse=True)
def three_threads():
    """Whatever the machine: three threads per operation, and nothing known yet."""
    with threads(3):
        can_compute_alone.cache_clear()
        yield
        can_compute_alone.cache_clear()


@pytest.fixture
def unknown_library(monkeypatch):
    """A build of PyTorch whose OpenMP is not found."""
    monkeypatch.setattr(openmp, "_omp_set_num_threads", lambda: None)


def elsewhere(function):
    """Return what `function` gives in a new thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_only_the_thread_that_asks_computes_alone():
    assert elsewhere(lambda: (compute_alone(), torch.get_num_threads())) == (True, 1)
    assert torch.get_num_threads() == 3


def test_threads_that_start_meanwhile_are_as_before():
    """`torch.set_num_threads` would fail this: it also speaks for threads to come."""
    later = elsewhere(lambda: (compute_alone(), elsewhere(torch.get_num_threads)))
    assert later == (True, 3)
    assert elsewhere(torch.get_num_threads) == 3


def test_it_is_said_once_whether_it_works():
    assert can_compute_alone()
    assert can_compute_alone.cache_info().misses == 1
    assert can_compute_alone()
    assert can_compute_alone.cache_info().hits == 1
    assert torch.get_num_threads() == 3


def test_an_unknown_library_is_admitted(unknown_library):
    assert not can_compute_alone()
    assert elsewhere(lambda: (compute_alone(), torch.get_num_threads())) == (False, 3)


def test_a_function_runs_in_one_thread_that_ends():
    before = threading.active_count()
    name, number = in_one_thread(lambda: (threading.current_thread().name, torch.get_num_threads()))
    assert name.startswith("alone")
    assert number == 1
    assert threading.active_count() == before


def test_a_function_runs_also_where_threads_cannot_compute_alone(unknown_library):
    assert in_one_thread(torch.get_num_threads) == 3


def test_errors_reach_the_caller():
    def refuse():
        raise NotImplementedError("bf16")

    with pytest.raises(NotImplementedError, match="bf16"):
        in_one_thread(refuse)


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_libraries_that_are_absent_or_lack_the_function_are_passed_over(monkeypatch, error):
    tried = []

    def load(path):
        tried.append(path)
        raise error

    monkeypatch.setattr(openmp.ctypes, "CDLL", load)
    assert openmp._omp_set_num_threads.__wrapped__() is None
    assert len(tried) == len(openmp._LIBRARIES)
