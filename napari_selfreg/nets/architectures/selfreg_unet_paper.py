"""The U-Net of the SelfReg-UNet paper's experiments, with its widths and taps.

Zhu, Chen, Qiu et al., MICCAI 2024, doi 10.1007/978-3-031-72111-3_56. Five levels of two
3x3 convolutions, each with batch normalisation and ReLU, width 64 doubling; the released training
scripts use ``bilinear=True``, which halves the bottleneck and every decoder block.

The paper's "encoder 1…4" are our E2, E3, E4, B; its "decoder 1…3" our D4, D3, D2; its final map
our D1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

_TAPS = (
    Tap("E1", "enter"),
    Tap("E2", "down1"),
    Tap("E3", "down2"),
    Tap("E4", "down3"),
    Tap("B", "down4"),
    Tap("D4", "up1"),
    Tap("D3", "up2"),
    Tap("D2", "up3"),
    Tap("D1", "up4"),
)


class _TwoConvolutions(nn.Sequential):
    """Twice: 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, entering: int, leaving: int, between: int | None = None) -> None:
        between = between or leaving
        super().__init__(
            nn.Conv2d(entering, between, 3, padding=1, bias=False),
            nn.BatchNorm2d(between),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, leaving, 3, padding=1, bias=False),
            nn.BatchNorm2d(leaving),
            nn.ReLU(inplace=True),
        )


class _Down(nn.Sequential):
    """Halve by maximum, then two convolutions."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(nn.MaxPool2d(2), _TwoConvolutions(entering, leaving))


class _Up(nn.Module):
    """Double, join the skip, then two convolutions."""

    def __init__(self, entering: int, leaving: int, bilinear: bool) -> None:
        super().__init__()
        self.enlarge: nn.Module
        if bilinear:
            self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.convolve = _TwoConvolutions(entering, leaving, entering // 2)
        else:
            self.enlarge = nn.ConvTranspose2d(entering, entering // 2, 2, stride=2)
            self.convolve = _TwoConvolutions(entering, leaving)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the map at the skip's size."""
        enlarged = self.enlarge(coarse)
        below = skip.shape[2] - enlarged.shape[2]
        right = skip.shape[3] - enlarged.shape[3]
        if below or right:
            sides = [right // 2, right - right // 2, below // 2, below - below // 2]
            enlarged = functional.pad(enlarged, sides)
        joined: Tensor = self.convolve(torch.cat([skip, enlarged], dim=1))
        return joined


class SelfRegUNet(nn.Module):
    """See the module's description."""

    def __init__(
        self, in_channels: int = 1, out_channels: int = 9, base: int = 64, bilinear: bool = True
    ) -> None:
        super().__init__()
        half = 2 if bilinear else 1
        self.enter = _TwoConvolutions(in_channels, base)
        self.down1 = _Down(base, 2 * base)
        self.down2 = _Down(2 * base, 4 * base)
        self.down3 = _Down(4 * base, 8 * base)
        self.down4 = _Down(8 * base, 16 * base // half)
        self.up1 = _Up(16 * base, 8 * base // half, bilinear)
        self.up2 = _Up(8 * base, 4 * base // half, bilinear)
        self.up3 = _Up(4 * base, 2 * base // half, bilinear)
        self.up4 = _Up(2 * base, base, bilinear)
        self.head = nn.Conv2d(base, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(N, out_channels, Y, X)``."""
        e1 = self.enter(image)
        e2 = self.down1(e1)
        e3 = self.down2(e2)
        e4 = self.down3(e3)
        up = self.up1(self.down4(e4), e4)
        up = self.up2(up, e3)
        up = self.up3(up, e2)
        logits: Tensor = self.head(self.up4(up, e1))
        return logits


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    base: int = 64,
    bilinear: bool = True,
) -> nn.Module:
    """Return the paper's U-Net.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2, as in the paper.
    base
        Width of E1 and D1.
    bilinear
        Enlarge bilinearly (as the released training scripts do) or by transposed convolution.

    Returns
    -------
    nn.Module
    """
    return SelfRegUNet(in_channels, out_channels, base, bilinear)


def tap_spec(*, spatial_dims: int = 2, **_: Any) -> TapSpec:
    """Return the paper's taps: outputs after the second ReLU."""
    return TapSpec(_TAPS, spatial_dims, size_multiple=16, min_size=32)


ENTRY = ArchitectureEntry(
    name="selfreg_unet_paper",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2,),
    description="The U-Net of the SelfReg-UNet paper: width 64, batch normalisation and ReLU.",
)
