"""Which parameters come into play before the decoder of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from napari_selfreg.core.blocks import ceil_to
from napari_selfreg.nets.modes import evaluating
from napari_selfreg.nets.tapspec import TapSpec


def before_decoder(network: nn.Module, tapspec: TapSpec, in_channels: int) -> set[nn.Parameter]:
    """Return what the input of the first tapped block and the maps of ``E1…B`` are made of.

    That includes what lies in no tapped block, such as a first convolution before ``E1``. One
    small picture or volume of zeros is sent through the network, in evaluation mode.

    Parameters
    ----------
    network
        All its parameters require a gradient; nothing of it is changed.
    tapspec
        Tells which blocks are the decoder's, and which sizes the network takes.
    in_channels
        Of the network.

    Returns
    -------
    set of Parameter
    """
    entered: list[Tensor] = []
    blocks = [block for block in tapspec.blocks if block not in tapspec.decoder]
    first = network.get_submodule(tapspec.taps[0].module)
    hook = first.register_forward_pre_hook(lambda _, inputs: entered.extend(_tensors(inputs)))
    try:
        with evaluating(network), torch.enable_grad(), tapspec.open(network, blocks) as taps:
            network(_sample(network, tapspec, in_channels))
            return _made_of([*entered, *taps.values()])
    finally:
        hook.remove()


def _sample(network: nn.Module, tapspec: TapSpec, in_channels: int) -> Tensor:
    # Two places at least at the bottom: instance norm refuses one.
    side = ceil_to(max(tapspec.min_size, 2 * tapspec.size_multiple), tapspec.size_multiple)
    shape = tapspec.fixed_size or (side,) * tapspec.spatial_dims
    like = next(network.parameters())
    return like.new_zeros((1, in_channels, *shape), requires_grad=False)


def _tensors(inputs: Iterable[object]) -> Iterator[Tensor]:
    for each in inputs:
        if isinstance(each, Tensor):
            yield each
        elif isinstance(each, list | tuple):
            yield from _tensors(each)


def _made_of(maps: Iterable[Tensor]) -> set[nn.Parameter]:
    """Return the parameters that autograd would give a gradient."""
    waiting = [each.grad_fn for each in maps]
    seen = set()
    found: set[nn.Parameter] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)  # where a gradient ends, it is kept
        if isinstance(leaf, nn.Parameter):
            found.add(leaf)
        waiting += [behind for behind, _ in node.next_functions]
    return found
