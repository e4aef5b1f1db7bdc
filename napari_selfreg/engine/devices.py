"""Choosing a compute device, and saying what to do when it is not there."""

from __future__ import annotations

import torch

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.io import memory

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Names a person may give."""


def available_devices() -> tuple[str, ...]:
    """Return the devices of this machine, fastest first; always ends with ``"cpu"``."""
    found = [name for name in ("cuda", "mps") if _available(name)]
    return (*found, "cpu")


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    name : str, default "auto"
        ``auto`` (the fastest one present), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Returns
    -------
    torch.device

    Raises
    ------
    DeviceError
        If the name is unknown or the device is not present.
    """
    if name == "auto":
        return torch.device(available_devices()[0])
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and not (kind == "cuda" and index.isdigit())):
        raise DeviceError(f"Unknown device {name!r}: choose one of {', '.join(DEVICES)}.")
    if not _available(kind):
        raise DeviceError(_remedy(kind))
    if index and int(index) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(f"There is no device {name!r}: this machine has {count} CUDA device(s).")
    return torch.device(name)


def free_memory_on(device: torch.device) -> int:
    """Return the bytes that can be used now on a device; of all but CUDA, of this computer.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    int
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory.free_memory()


def _available(kind: str) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_available())
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return kind == "cpu"


def _remedy(kind: str) -> str:
    if kind == "mps":
        return "No Apple GPU (mps) can be used here: choose device auto or cpu."
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            "This PyTorch was built without CUDA: choose device auto or cpu, or install "
            "a CUDA build of torch from https://pytorch.org."
        )
    return "No CUDA GPU was found: check the driver with nvidia-smi, or choose device auto or cpu."
