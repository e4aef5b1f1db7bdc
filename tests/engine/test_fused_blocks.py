"""What a BasicUNet becomes as packed blocks, one block at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.engine.fused_blocks import (
    LEVELS,
    can_fuse,
    decoder_blocks,
    encoder_blocks,
    head_block,
)
from napari_selfreg.engine.packed import packing_works
from tests.engine.models import SmallNet, shake, unet_model

pytestmark = pytest.mark.skipif(not packing_works(), reason="PyTorch lacks the operators")


@pytest.fixture(scope="module")
def network() -> Any:
    return unet_model(classes=2).network


def random(*shape: int) -> torch.Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return values.contiguous(memory_format=torch.channels_last)


def test_there_is_a_block_for_every_level(network: Any) -> None:
    encoder = encoder_blocks(network, torch.float32)
    decoder = decoder_blocks(network, torch.float32)
    assert [block.first.channels for block in encoder] == [8, 8, 16, 16, 32]
    assert len(encoder) == LEVELS + 1
    assert len(decoder) == LEVELS


@torch.no_grad()
@pytest.mark.parametrize("level", range(LEVELS + 1))
def test_an_encoder_block_is_its_two_convolutions(network: Any, level: int) -> None:
    name = "conv_0" if level == 0 else f"down_{level}.convs"
    block = encoder_blocks(network, torch.float32)[level]
    plain = network.get_submodule(name)
    x = random(1, plain.conv_0.conv.in_channels, 12, 10)
    expected = plain(x)[..., 2:-2, 2:-2]  # away from the padding that the caller adds
    torch.testing.assert_close(block.second(block.first(x)), expected, atol=1e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("level", range(LEVELS))
def test_a_decoder_block_is_upsampling_and_two_convolutions(network: Any, level: int) -> None:
    block = decoder_blocks(network, torch.float32)[level]
    plain = network.get_submodule(f"upcat_{level + 1}")
    deconv = plain.upsample.deconv
    n_skip = plain.convs.conv_0.conv.in_channels - deconv.out_channels
    low, skip = random(1, deconv.in_channels, 8, 7), random(1, n_skip, 16, 14)
    total = block.up(low)
    block.skip.add_relu_(total, skip)
    expected = plain.convs.conv_0(torch.cat([skip, deconv(low)], 1))
    torch.testing.assert_close(total, expected[..., 1:-1, 1:-1], atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_of_one_class_the_head_is_a_difference() -> None:
    network = unet_model(classes=1).network
    x = random(1, network.final_conv.in_channels, 5, 6)
    plain = functional.conv2d(x, network.final_conv.weight, network.final_conv.bias)
    found = head_block(network, 1, torch.float32)(x)
    torch.testing.assert_close(found[:, 0], plain[:, 1] - plain[:, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[:, 1], plain[:, 2], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_of_two_classes_the_head_is_as_it_was(network: Any) -> None:
    x = random(1, network.final_conv.in_channels, 5, 6)
    plain = functional.conv2d(x, network.final_conv.weight, network.final_conv.bias)
    found = head_block(network, 2, torch.float32)(x)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-4)


def test_what_is_no_such_network_is_not_fused(network: Any) -> None:
    assert can_fuse(network)
    assert not can_fuse(shake(SmallNet()))
    other = unet_model().network
    other.conv_0.conv_0.adn.A = nn.LeakyReLU()
    assert not can_fuse(other)
