"""A network that is no bundle, for pictures or volumes."""

from __future__ import annotations

import torch
from torch import nn

from napari_selfreg.nets.tapspec import Tap, TapSpec


class Small(nn.Module):
    """Two blocks at one and two pixels, or voxels, per pixel of a map."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        conv, channels = {2: (nn.Conv2d, 3), 3: (nn.Conv3d, 1)}[dims]
        self.down = nn.Sequential(conv(channels, 6, 3, stride=2, padding=1), nn.ReLU())
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), conv(6, 4, 3, padding=1))
        self.head = conv(4, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.up(self.down(images)))


def taps_of_small(dims: int = 2) -> TapSpec:
    taps = (Tap("B", "down"), Tap("D1", "up"))
    return TapSpec(taps, size_multiple=2, min_size=2, spatial_dims=dims)
