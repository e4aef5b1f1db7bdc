"""What a network needs of memory to look at something as a whole, found out on something small."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from napari_selfreg.core.tiles import ceil_to
from napari_selfreg.engine.devices import free_memory_on
from napari_selfreg.io.memory import require_memory
from napari_selfreg.nets.feature_maps import capture
from napari_selfreg.nets.tapspec import TapSpec

_AT_ONCE = 4
"""Results as large as the largest that are alive at one time, without gradient."""


def require_room(needed: int, free: int | None = None) -> None:
    """Raise `BadInputError` if `needed` bytes are more than may be used of the free memory.

    Parameters
    ----------
    needed : int
    free : int, optional
        Bytes that are free; by default those of this computer.
    """
    remedy = "choose a smaller part of the image, or fewer blocks."
    require_memory(needed, "Looking at all of this", remedy, free=free)


def require_room_for_whole(
    network: nn.Module,
    spec: TapSpec,
    channels: int,
    shape: Sequence[int],
    device: torch.device,
    *,
    gradient: bool,
) -> None:
    """Raise unless a network that must see `shape` at once has the memory to do so.

    Parameters
    ----------
    network : Module
        Run once on the smallest input it takes.
    spec : TapSpec
        Its blocks and sizes.
    channels : int
        Of its input.
    shape : sequence of int
        Size of the window along each axis, in pixels.
    device : torch.device
        Where it will run.
    gradient : bool
        Whether every result is kept for the way back.

    Raises
    ------
    BadInputError
        If it has not.
    """
    least = ceil_to(max(spec.min_size, 1), spec.size_multiple)
    probe = spec.fixed_size or (least,) * spec.spatial_dims
    if math.prod(shape) <= math.prod(probe):
        return
    blocks, results = _sizes(network, spec, torch.zeros(1, channels, *probe, device=device))
    needed = sum(results) if gradient else blocks + _AT_ONCE * max(results)
    require_room(needed * math.prod(shape) // math.prod(probe), free_memory_on(device))


def _sizes(network: nn.Module, spec: TapSpec, image: Tensor) -> tuple[int, list[int]]:
    """Return the bytes of all blocks together, and of what each smallest module puts out."""
    results = [image.nbytes]

    def record(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            results.append(output.nbytes)

    smallest = [module for module in network.modules() if not any(module.children())]
    handles = [module.register_forward_hook(record) for module in smallest]
    try:
        maps = capture(network, spec, image)
    finally:
        for handle in handles:
            handle.remove()
    return sum(one.nbytes for one in maps.values()), results
