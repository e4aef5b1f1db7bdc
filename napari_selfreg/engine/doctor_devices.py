"""Whether each compute device really computes, and how fast."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from napari_selfreg.engine.finding import Finding

_SIDE = 512


def examine_devices() -> Iterator[Finding]:
    """Yield findings about cpu, cuda and mps; each device present multiplies two matrices."""
    threads = torch.get_num_threads()
    instructions = torch.backends.cpu.get_cpu_capability()
    yield _multiply(torch.device("cpu"), f"{threads} of {os.cpu_count()} cores, {instructions}")
    yield _half_precision(torch.device("cpu"))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.device("cuda", index)
            yield _multiply(device, _cuda_detail(index))
            yield _half_precision(device)
    else:
        yield _no_cuda()
    if torch.backends.mps.is_available():
        yield _multiply(torch.device("mps"), "Apple GPU")


def _multiply(device: torch.device, detail: str) -> Finding:
    """Compare a product of whole numbers, which float32 holds exactly, with plain integers."""
    try:
        left = torch.arange(_SIDE * _SIDE).reshape(_SIDE, _SIDE) % 7
        expected = left @ left.T
        moved = left.to(device=device, dtype=torch.float32)
        product = moved @ moved.T  # the first one starts the device
        began = time.perf_counter()
        product = (moved @ moved.T).cpu()
        seconds = time.perf_counter() - began
    except Exception as error:  # noqa: BLE001 - a broken driver raises anything
        return _broken(device, str(error).splitlines()[0] if str(error) else type(error).__name__)
    if not torch.equal(product.to(torch.int64), expected):
        return _broken(device, "it multiplies wrongly")
    timing = f"multiplied two {_SIDE}² matrices in {seconds * 1000:.1f} ms"
    return Finding(f"device {device}", "ok", f"{detail}; {timing}")


def _half_precision(device: torch.device) -> Finding:
    """Time bfloat16 against float32: without the instructions it is emulated, and slower."""
    name = f"bfloat16 on {device}"
    try:
        full = _convolution_seconds(device, torch.float32)
        half = _convolution_seconds(device, torch.bfloat16)
    except RuntimeError as error:
        return Finding(name, "note", f"not possible ({str(error).splitlines()[0]})")
    if half < full:
        return Finding(name, "ok", f"{full / half:.1f} times as fast as float32")
    return Finding(name, "note", "slower than float32 here, so it is not used")


def _convolution_seconds(device: torch.device, dtype: torch.dtype) -> float:
    picture = torch.ones(1, 32, 256, 256, device=device, dtype=dtype)
    picture = picture.to(memory_format=torch.channels_last)
    kernel = torch.ones(32, 32, 3, 3, device=device, dtype=dtype)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(12):
            began = time.perf_counter()
            torch.nn.functional.conv2d(picture, kernel, padding=1)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            best = min(best, time.perf_counter() - began)
    return best


def _cuda_detail(index: int) -> str:
    properties = torch.cuda.get_device_properties(index)
    return (
        f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
    )


def _no_cuda() -> Finding:
    has_gpu = Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
    if torch.version.cuda is None and torch.version.hip is None:
        remedy = "for an NVIDIA GPU, install a CUDA build of torch: https://pytorch.org"
        detail = "this PyTorch was built for the CPU only"
        if has_gpu:
            detail = f"there is an NVIDIA GPU, but {detail}"
        return Finding("device cuda", "note", detail, remedy if has_gpu else "")
    if has_gpu:
        remedy = "update the NVIDIA driver so that nvidia-smi works, then restart"
        return Finding("device cuda", "fault", "PyTorch cannot use the NVIDIA GPU", remedy)
    return Finding("device cuda", "note", "no NVIDIA GPU was found; the CPU is used")


def _broken(device: torch.device, reason: str) -> Finding:
    remedy = "use --device cpu, and update the driver or torch"
    if device.type == "cpu":
        remedy = "install torch again: pip install --force-reinstall torch"
    return Finding(f"device {device}", "fault", reason, remedy)
