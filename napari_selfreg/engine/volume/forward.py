"""Networks made ready to predict volumes."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from napari_selfreg.engine.forward import DTYPES, Floats, Mode, Outputs
from napari_selfreg.engine.precision import fastest, permitted
from napari_selfreg.engine.volume.graph import Graph, record
from napari_selfreg.nets.outputs import main_logits, to_probabilities

_CHOSEN: dict[Hashable, Mode] = {}


class VolumeForward:
    """Any network, on windows of a volume.

    Parameters
    ----------
    network : Module
        Copied, not changed.
    outputs : Outputs
        What its channels mean.
    mode : Mode
        Precision (by autocast) and layout.
    device : torch.device
        Where to compute.
    """

    def __init__(
        self, network: nn.Module, outputs: Outputs, mode: Mode, device: torch.device
    ) -> None:
        self._network = ready(network, mode, device)
        self._outputs, self._mode, self._device = outputs, mode, device

    def __call__(self, window: Floats) -> Floats:
        """Return probabilities (K[+1], z, y, x) of a window (z, y, x) of normalised voxels."""
        with torch.inference_mode(), self._autocast():
            image = torch.from_numpy(window)[None, None].to(self._device)
            output = self._network(image.contiguous(memory_format=layout_of(self._mode)))
            logits = main_logits(output, image, self._outputs.logits)
            return probabilities(logits, self._outputs)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._mode.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=DTYPES[self._mode.precision])


def ready(network: nn.Module, mode: Mode, device: torch.device) -> nn.Module:
    """Return a copy of a network, in evaluation mode, on a device and in the layout of a mode."""
    own: Any = copy.deepcopy(network).eval().requires_grad_(False).to(device)
    moved: nn.Module = own.to(memory_format=layout_of(mode))
    return moved


def layout_of(mode: Mode) -> torch.memory_format:
    """Return how tensors of volumes lie in memory."""
    return torch.channels_last_3d if mode.channels_last else torch.contiguous_format


def probabilities(logits: Tensor, outputs: Outputs) -> Floats:
    """Return probabilities (K[+1], z, y, x) of one volume's logits."""
    with torch.inference_mode():
        values = to_probabilities(logits, outputs.n_classes, outputs.separation)
        found: Floats = values[0].cpu().numpy()
    return found


def record_volume(
    network: nn.Module, mode: Mode, device: torch.device, sample: tuple[int, ...]
) -> Graph:
    """Write a network down as local operations, its numbers in the precision of a mode.

    Parameters
    ----------
    network : Module
        Copied, not changed.
    mode : Mode
        Precision and layout.
    device : torch.device
        Where to compute.
    sample : tuple of int
        A small size of input the network takes.

    Returns
    -------
    Graph

    Raises
    ------
    NotLocalError
        If it does something that is not local.
    """
    dtype = DTYPES[mode.precision]
    own = ready(network, mode, device)
    graph = record(own, torch.zeros(1, 1, *sample, device=device))
    return graph if dtype is torch.float32 else graph.to(dtype)


def choose_volume_mode(
    network: nn.Module,
    outputs: Outputs,
    device: torch.device,
    precision: str = "auto",
    shape: tuple[int, ...] = (32, 32, 32),
) -> Mode:
    """Return the fastest permitted mode, as `napari_selfreg.engine.precision.choose_mode` does.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    outputs : Outputs
        What its channels mean.
    device : torch.device
        Where to compute.
    precision : str, default "auto"
        ``fp32`` forbids half precision; anything else permits it where it pays.
    shape : tuple of int
        What is predicted while measuring; a size the network accepts.

    Returns
    -------
    Mode

    Raises
    ------
    BadInputError
        If the precision is unknown.
    """
    modes = permitted(_candidates(device), precision)
    sizes = tuple(tuple(p.shape) for p in network.parameters())
    key = type(network), sizes, str(device), torch.get_num_threads(), modes, shape
    if key not in _CHOSEN:
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).numpy()
        tasks = [
            (mode, partial(VolumeForward(network, outputs, mode, device), noise)) for mode in modes
        ]
        _CHOSEN[key] = fastest(tasks, device)
    return _CHOSEN[key]


def _candidates(device: torch.device) -> tuple[Mode, ...]:
    """Return the ways to run a network of volumes, the likeliest first."""
    if device.type == "cuda":
        half = Mode("bf16" if torch.cuda.is_bf16_supported() else "fp16", channels_last=True)
        return Mode(), Mode(channels_last=True), half
    if device.type == "mps":
        return (Mode(),)
    return Mode(channels_last=True), Mode(), Mode("bf16", channels_last=True)
