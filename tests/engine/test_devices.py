"""Devices: what is there, and what to do when it is not."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.devices import available_devices, free_memory_on, resolve_device


@pytest.fixture
def bare_machine(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def one_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)


def test_without_a_gpu_auto_is_the_cpu(bare_machine):
    assert available_devices() == ("cpu",)
    assert resolve_device("auto") == torch.device("cpu")


def test_auto_takes_the_gpu(one_gpu):
    assert resolve_device("auto").type == "cuda"
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    assert available_devices()[-1] == "cpu"


@pytest.mark.parametrize("name", ["abacus", "", "CPU", "cuda:x", "cpu:0", "mps:1", "cuda:-1"])
def test_unknown_names_are_refused_with_the_choices(one_gpu, name):
    with pytest.raises(DeviceError, match="auto, cpu, cuda, mps"):
        resolve_device(name)


def test_absent_devices_are_refused_with_a_remedy(bare_machine, monkeypatch):
    with pytest.raises(DeviceError, match="choose device auto or cpu"):
        resolve_device("mps")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceError, match="built without CUDA"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    with pytest.raises(DeviceError, match="nvidia-smi"):
        resolve_device("cuda")


def test_a_second_gpu_that_is_not_there(one_gpu):
    with pytest.raises(DeviceError, match="has 1 CUDA device"):
        resolve_device("cuda:1")


def test_a_gpu_has_memory_of_its_own(monkeypatch):
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 5)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3, 9))
    assert free_memory_on(torch.device("cpu")) == 5
    assert free_memory_on(torch.device("cuda")) == 3
