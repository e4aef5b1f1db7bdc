"""How many windows at a time."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.engine.batching import MOST, BatchSize, is_out_of_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_recognised(error, expected):
    assert is_out_of_memory(error) is expected


def test_a_cpu_takes_one_window_at_a_time():
    batch = BatchSize(torch.device("cpu"))
    batch.grow()
    assert batch.size == 1
    assert not batch.shrink()
    batch.release()


@pytest.fixture
def gpu(monkeypatch):
    """A GPU with 1 GiB in use by others that has 10 GiB free; one window takes 1 GiB."""
    memory = {"allocated": GIB, "peak": GIB, "free": 10 * GIB}
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: memory["allocated"])
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: memory["allocated"])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: memory["peak"])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (memory["free"], 16 * GIB))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return memory


def test_a_gpu_starts_with_one_and_then_takes_what_fits(gpu):
    batch = BatchSize(torch.device("cuda"))
    assert batch.size == 1
    gpu["peak"] = 2 * GIB
    batch.grow()
    assert batch.size == 6


def test_a_large_gpu_takes_no_more_than_pays(gpu):
    batch = BatchSize(torch.device("cuda"))
    gpu.update(peak=GIB + 1, free=100 * GIB)
    batch.grow()
    assert batch.size == MOST


def test_after_a_lack_of_memory_it_never_grows_again(gpu):
    batch = BatchSize(torch.device("cuda"))
    gpu["peak"] = 2 * GIB
    batch.grow()
    assert batch.shrink()
    batch.release()
    assert batch.size == 3
    batch.grow()
    assert batch.size == 3
    assert batch.shrink()
    assert batch.size == 1
    assert not batch.shrink()
