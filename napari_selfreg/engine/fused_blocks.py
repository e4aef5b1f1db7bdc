"""The blocks of a BasicUNet as a few packed convolutions each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn

from napari_selfreg.engine.folding import fold_batchnorm, merge_upsampling
from napari_selfreg.engine.packed import PackedConv, PackedUpsampling, packing_works
from napari_selfreg.engine.winograd import Conv, conv3x3

LEVELS = 4
"""Levels above the bottleneck."""

_ALLOWED = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.MaxPool2d,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
)


@dataclass(frozen=True)
class EncoderBlock:
    """Two convolutions; whoever calls them adds the margin."""

    first: Conv
    second: Conv


@dataclass(frozen=True)
class DecoderBlock:
    """Upsampling with its convolution, the skip's convolution, and the one after both."""

    up: PackedUpsampling
    skip: Conv
    second: Conv
    border: Tensor
    """Bias of the upsampling through each tap (C, 3, 3), to be taken back at the border."""


def can_fuse(network: nn.Module) -> bool:
    """Return whether `network` is a BasicUNet that these blocks compute: 2-D RGB, BN and ReLU."""
    if type(network) is not BasicUNet or not packing_works():
        return False
    leaves = [module for module in network.modules() if not list(module.children())]
    norms = [module for module in leaves if isinstance(module, nn.BatchNorm2d)]
    first = network.get_submodule("conv_0.conv_0.conv")
    return (
        all(type(module) in _ALLOWED for module in leaves)
        and all(norm.running_mean is not None for norm in norms)
        and len(norms) == 2 * (2 * LEVELS + 1)
        and isinstance(first, nn.Conv2d)
        and first.in_channels == 3
        and all(_has_deconvolution(network, i) for i in range(1, LEVELS + 1))
    )


def encoder_blocks(network: nn.Module, dtype: torch.dtype) -> list[EncoderBlock]:
    """Return the blocks from full resolution down to the bottleneck."""
    names = ["conv_0", *(f"down_{i}.convs" for i in range(1, LEVELS + 1))]
    return [
        EncoderBlock(
            conv3x3(*_folded(network, f"{name}.conv_0"), dtype),
            conv3x3(*_folded(network, f"{name}.conv_1"), dtype),
        )
        for name in names
    ]


def decoder_blocks(network: nn.Module, dtype: torch.dtype) -> list[DecoderBlock]:
    """Return the blocks from full resolution down: the reverse of the order they run in."""
    return [_decoder_block(network, f"upcat_{i}", dtype) for i in range(1, LEVELS + 1)]


def head_block(network: nn.Module, n_classes: int, dtype: torch.dtype) -> PackedConv:
    """Return the last convolution; of background and one class only the difference."""
    conv = network.get_submodule("final_conv")
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight.double()
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.double()
    if n_classes == 1:
        weight, bias = (torch.cat([v[1:2] - v[:1], v[2:]]) for v in (weight, bias))
    return PackedConv(weight, bias, (0, 0), dtype, relu=False)


def _decoder_block(network: nn.Module, name: str, dtype: torch.dtype) -> DecoderBlock:
    weight, bias = _folded(network, f"{name}.convs.conv_0")
    upsampling = network.get_submodule(f"{name}.upsample.deconv")
    assert isinstance(upsampling, nn.ConvTranspose2d)
    n_skip = weight.shape[1] - upsampling.out_channels  # concatenated as (skip, upsampled)
    merged = merge_upsampling(upsampling, weight[:, n_skip:])
    return DecoderBlock(
        up=PackedUpsampling(merged.weight, bias + merged.bias.sum((1, 2)), dtype),
        skip=conv3x3(weight[:, :n_skip], None, dtype),
        second=conv3x3(*_folded(network, f"{name}.convs.conv_1"), dtype),
        border=merged.bias.to(dtype),
    )


def _folded(network: nn.Module, name: str) -> tuple[Tensor, Tensor]:
    conv, norm = (network.get_submodule(f"{name}.{part}") for part in ("conv", "adn.N"))
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fold_batchnorm(conv, norm)


def _has_deconvolution(network: nn.Module, level: int) -> bool:
    names = dict(network.get_submodule(f"upcat_{level}.upsample").named_children())
    module = names.get("deconv")
    return isinstance(module, nn.ConvTranspose2d) and module.kernel_size == (2, 2)
