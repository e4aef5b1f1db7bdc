"""Folded weights compute the same function."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.engine.folding import fold_batchnorm, fold_pairs, merge_upsampling
from napari_selfreg.nets.registry import build_network


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_normalisation_is_part_of_its_convolution(bias, affine):
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3, bias=bias), nn.BatchNorm2d(5, affine=affine).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = torch.randn(1, 3, 9, 9)
    weight, shift = fold_batchnorm(conv, norm)
    assert weight.dtype == torch.float64
    torch.testing.assert_close(functional.conv2d(x.double(), weight, shift).float(), norm(conv(x)))


def test_a_normalisation_without_statistics_is_refused():
    with pytest.raises(ValueError, match="running statistics"):
        fold_batchnorm(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, track_running_stats=False))


@pytest.mark.parametrize("bias", [True, False])
def test_an_upsampling_and_its_convolution_are_one(bias):
    torch.manual_seed(0)
    up, conv = nn.ConvTranspose2d(6, 4, 2, stride=2, bias=bias), nn.Conv2d(4, 5, 3, padding=1)
    low = torch.randn(1, 6, 5, 7).double()
    expected = conv.double()(up.double()(low))
    merged = merge_upsampling(up, conv.weight)
    total = conv.bias + merged.bias.sum((1, 2))
    found = functional.conv_transpose2d(low, merged.weight, total, stride=2, padding=1)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
    # at the border the taps outside see zeros instead of the upsampling's bias
    top = found[0, :, 0, 1:-1] - merged.bias[:, 0].sum(1)[:, None]
    torch.testing.assert_close(top, expected[0, :, 0, 1:-1])
    corner = merged.bias[:, 2].sum(1) + merged.bias[:, :, 2].sum(1) - merged.bias[:, 2, 2]
    torch.testing.assert_close(found[0, :, -1, -1] - corner, expected[0, :, -1, -1])


def seeded(module):
    """Give every normalisation statistics that matter."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean.copy_(torch.randn(part.running_mean.shape, generator=generator))
            part.running_var.copy_(torch.rand(part.running_var.shape, generator=generator) + 0.5)
    return module.eval()


def test_neighbours_in_a_sequence_are_folded_and_nothing_else():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.BatchNorm2d(4),  # after a ReLU
        shared,
        nn.BatchNorm2d(4),  # its convolution is used again
        nn.Sequential(shared, nn.ReLU()),
        nn.Conv2d(4, 4, 1),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.Conv2d(4, 2, 1),
        nn.Sequential(nn.Sequential(nn.BatchNorm2d(2)), nn.Sigmoid()),
    )
    seeded(network)
    x = torch.randn(2, 3, 12, 12)
    with torch.no_grad():
        expected = network(x)
        assert fold_pairs(network) == 2
        torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)
    assert [type(network[i]) for i in (1, 3, 5, 8)] == [nn.Identity] + [nn.BatchNorm2d] * 3


@pytest.mark.parametrize("name", ["basic_unet", "attention_unet"])
def test_registered_networks_stay_the_same_function(name):
    torch.manual_seed(0)
    network = seeded(build_network(name, in_channels=3, out_channels=2))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(x)
        assert fold_pairs(network) > 0
        torch.testing.assert_close(network(x), expected, atol=1e-4, rtol=1e-4)
