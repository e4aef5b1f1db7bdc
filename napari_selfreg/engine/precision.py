"""Choosing layout and precision: a probe of a second says what pays on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.forward import Forward, Mode, Outputs, build_forward
from napari_selfreg.engine.fused_blocks import can_fuse
from napari_selfreg.engine.openmp import in_one_thread

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
"""``auto`` and the half precisions are a permission: what is slower here is not used."""

PROBE_SECONDS = 1.0
GAIN = 1.2
"""Half precision must be this much faster to be worth its rounding."""

_RUNS = 2
_CHOSEN: dict[Hashable, Mode] = {}


def candidates(network: nn.Module, device: torch.device) -> tuple[Mode, ...]:
    """Return the ways to run `network` on `device`, the safest first."""
    if device.type == "cuda":
        half = Mode("bf16" if torch.cuda.is_bf16_supported() else "fp16", channels_last=True)
        return Mode(), Mode(channels_last=True), half
    if device.type == "mps":
        return Mode(), Mode("fp16")
    if can_fuse(network):
        return Mode(channels_last=True, fused=True), Mode("bf16", channels_last=True, fused=True)
    return Mode(), Mode(channels_last=True), Mode("bf16", channels_last=True)


def choose_mode(
    network: nn.Module,
    outputs: Outputs,
    device: torch.device,
    precision: str = "auto",
    shape: tuple[int, int] = (192, 192),
) -> Mode:
    """Return the fastest permitted mode, measured once per process, device and network.

    On a CPU the thread's own time is measured, so that the choice does not depend on what else
    the machine does. What is computed side by side is measured on a single thread: the time of
    the one that waits for the others says nothing.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    outputs : Outputs
        From the card.
    device : torch.device
        Where to compute.
    precision : str, default "auto"
        ``fp32`` forbids half precision; anything else permits it where it pays.
    shape : tuple of int
        Height and width that are predicted while measuring; a size the network accepts.

    Raises
    ------
    BadInputError
        If the precision is unknown.
    """
    modes = permitted(candidates(network, device), precision)
    if len(modes) == 1:
        return modes[0]
    key = _key(network, device, modes, shape)
    if key not in _CHOSEN:
        forwards = [(mode, _try_build(network, outputs, mode, device)) for mode in modes]
        probe = partial(_fastest, forwards, shape, device)
        _CHOSEN[key] = in_one_thread(probe) if modes[0].fused else probe()
    return _CHOSEN[key]


def permitted(modes: Sequence[Mode], precision: str) -> tuple[Mode, ...]:
    """Return the modes that a request for `precision` allows.

    Raises
    ------
    BadInputError
        If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise BadInputError(
            f"Unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}."
        )
    return tuple(mode for mode in modes if precision != "fp32" or mode.precision == "fp32")


def _fastest(
    forwards: list[tuple[Mode, Forward | None]], shape: tuple[int, int], device: torch.device
) -> Mode:
    window = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    box = Box(0, 0, *shape)
    tasks = [
        (mode, None if forward is None else partial(forward, [window], [box]))
        for mode, forward in forwards
    ]
    return fastest(tasks, device)


def fastest(
    tasks: Sequence[tuple[Mode, Callable[[], object] | None]], device: torch.device
) -> Mode:
    """Return the best mode; the first is preferred, half precision must be worth it.

    Parameters
    ----------
    tasks : sequence of (Mode, callable or None)
        What is timed for each mode; None is what this device lacks.
    device : torch.device
        Where the tasks compute.
    """
    clock = _clock(device)
    start, best, least = clock(), tasks[0][0], float("inf")
    for mode, task in tasks:
        if least < float("inf") and clock() - start > PROBE_SECONDS:
            break
        seconds = float("inf") if task is None else _seconds(task, clock, 2 * least)
        needed = 1.0 if mode.precision == "fp32" else GAIN
        if seconds * needed < least:
            best, least = mode, seconds
    return best


def _clock(device: torch.device) -> Callable[[], float]:
    """Return a clock: of the thread's own work on a CPU, which other programs do not change."""
    if device.type == "cpu":
        return time.thread_time

    def after_the_gpu() -> float:
        (torch.cuda if device.type == "cuda" else torch.mps).synchronize()
        return time.perf_counter()

    return after_the_gpu


def _seconds(task: Callable[[], object], clock: Callable[[], float], hopeless: float) -> float:
    """Return the shortest of some runs; infinity if the device refuses."""
    best = float("inf")
    for run in range(_RUNS + 1):
        start = clock()
        try:
            task()
        except (RuntimeError, NotImplementedError):
            return float("inf")
        seconds = clock() - start
        if run:  # the first one also prepares
            best = min(best, seconds)
        if seconds > 2 * hopeless:
            break
    return best


def _try_build(
    network: nn.Module, outputs: Outputs, mode: Mode, device: torch.device
) -> Forward | None:
    try:
        return build_forward(network, outputs, mode, device)
    except (RuntimeError, NotImplementedError):  # this processor or build lacks the precision
        return None


def _key(
    network: nn.Module, device: torch.device, modes: Sequence[Mode], shape: tuple[int, int]
) -> Hashable:
    shapes = tuple((name, tuple(p.shape)) for name, p in network.named_parameters())
    return type(network), shapes, str(device), torch.get_num_threads(), tuple(modes), shape
