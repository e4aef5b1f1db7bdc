"""What of a network may change in a fine-tuning."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from napari_selfreg.engine.finetune_types import What
from napari_selfreg.nets.tapspec import TapSpec

_BATCH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_NORMS = (*_BATCH, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d, nn.InstanceNorm3d)


def free_parameters(network: nn.Module, tapspec: TapSpec, what: What) -> list[nn.Parameter]:
    """Freeze everything but what may change, and return that.

    Parameters
    ----------
    network : nn.Module
        Its parameters' ``requires_grad`` are set.
    tapspec : TapSpec
        Tells encoder, decoder and head apart: the head is what lies in no tapped block.
    what : {"all", "decoder", "head_norms"}

    Returns
    -------
    list of nn.Parameter
    """
    blocks = {tap.block: network.get_submodule(tap.module) for tap in tapspec.taps}
    decoder = set(tapspec.decoder)
    if what == "all":
        free = set(network.parameters())
    elif what == "decoder":
        encoder = [module for block, module in blocks.items() if block not in decoder]
        free = set(network.parameters()) - _parameters(encoder)
    else:
        norms = [module for module in network.modules() if isinstance(module, _NORMS)]
        free = (set(network.parameters()) - _parameters(blocks.values())) | _parameters(norms)
    for parameter in network.parameters():
        parameter.requires_grad_(parameter in free)
    return [parameter for parameter in network.parameters() if parameter in free]


def training_mode(network: nn.Module, *, keep_statistics: bool) -> None:
    """Switch to training; batch statistics of frozen blocks, or all of them, stay as they are.

    Parameters
    ----------
    network : nn.Module
    keep_statistics : bool
        Whether there is too little to estimate them from.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, _BATCH):
            frozen = not any(p.requires_grad for p in module.parameters())
            if keep_statistics or frozen:
                module.eval()


def _parameters(modules: Iterable[nn.Module]) -> set[nn.Parameter]:
    return {parameter for module in modules for parameter in module.parameters()}
