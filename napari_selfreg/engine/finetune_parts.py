"""What of a network may change in a fine-tuning."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from napari_selfreg.engine.finetune_types import What
from napari_selfreg.nets.tapspec import TapSpec
from napari_selfreg.nets.upstream import before_decoder

_BATCH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_NORMS = (*_BATCH, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d, nn.InstanceNorm3d)


def free_parameters(
    network: nn.Module, tapspec: TapSpec, what: What, in_channels: int
) -> list[nn.Parameter]:
    """Freeze everything but what may change, and return that.

    Parameters
    ----------
    network : nn.Module
        Its parameters' ``requires_grad`` are set.
    tapspec : TapSpec
        Tells encoder, decoder and head apart: what the maps of the encoder and of the bottleneck
        are made of is the encoder, also where it is in no tapped block, as a first convolution
        may be. The head is what else lies in no tapped block.
    what : {"all", "decoder", "head_norms"}
    in_channels : int
        Of the network.

    Returns
    -------
    list of nn.Parameter
    """
    everything = set(network.parameters())
    network.requires_grad_(True)
    free = everything
    if what != "all":
        decoder = set(tapspec.decoder)
        tapped = {tap.block: network.get_submodule(tap.module) for tap in tapspec.taps}
        encoder = _parameters(module for block, module in tapped.items() if block not in decoder)
        free = everything - encoder - before_decoder(network, tapspec, in_channels)
        if what == "head_norms":
            norms = [module for module in network.modules() if isinstance(module, _NORMS)]
            free = (free - _parameters(tapped.values())) | _parameters(norms)
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
