"""Which networks may be cut into tiles, and with how much context."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from napari_selfreg.engine.locality import halo_of, sees_whole_tile
from napari_selfreg.nets.registry import build_network, tap_spec

ANY = SimpleNamespace(fixed_size=None)


@pytest.mark.parametrize(
    ("name", "args", "blends"),
    [
        ("basic_unet", {}, False),
        ("attention_unet", {}, True),  # MONAI merges with instance normalisation
        ("swin_unetr", {}, True),
    ],
)
def test_registered_networks(name, args, blends):
    network = build_network(name, in_channels=3, out_channels=2, **args)
    assert sees_whole_tile(network, tap_spec(name, **args)) is blends


@pytest.mark.parametrize(
    ("module", "blends"),
    [
        (nn.BatchNorm2d(4), False),
        (nn.BatchNorm2d(4, track_running_stats=False), True),
        (nn.InstanceNorm2d(4), True),
        (nn.GroupNorm(2, 4), True),
        (nn.LayerNorm(4), True),
        (nn.MultiheadAttention(4, 2), True),
        (nn.AdaptiveAvgPool2d(1), True),
        (nn.AvgPool2d(2), False),
    ],
)
def test_it_is_told_from_the_modules(module, blends):
    assert sees_whole_tile(nn.Sequential(nn.Conv2d(3, 4, 1), module), ANY) is blends


def test_a_fixed_size_means_a_fixed_grid():
    assert sees_whole_tile(nn.Conv2d(3, 2, 1), SimpleNamespace(fixed_size=(96, 96)))


@pytest.mark.parametrize(("stride", "halo"), [(2, 32), (16, 96), (32, 192), (24, 144), (1, 32)])
def test_the_halo_follows_the_stride(stride, halo):
    assert halo_of(SimpleNamespace(size_multiple=stride)) == halo
