"""MONAI's BasicUNet with batch normalisation and ReLU: the default network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.networks.nets.basic_unet import BasicUNet
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

FEATURES = (32, 32, 64, 128, 256, 32)

_TAPS = (
    Tap("E1", "conv_0"),
    Tap("E2", "down_1"),
    Tap("E3", "down_2"),
    Tap("E4", "down_3"),
    Tap("B", "down_4"),
    Tap("D4", "upcat_4"),
    Tap("D3", "upcat_3"),
    Tap("D2", "upcat_2"),
    Tap("D1", "upcat_1"),
)


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    features: Sequence[int] = FEATURES,
    dropout: float = 0.0,
    upsample: str = "deconv",
) -> nn.Module:
    """Return a BasicUNet (five levels, stride 16).

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    features
        Widths of E1, E2, E3, E4, B and D1.
    dropout
        Probability of dropping a value, after each convolution.
    upsample
        ``"deconv"``, ``"pixelshuffle"`` or ``"nontrainable"``.

    Returns
    -------
    nn.Module
    """
    return BasicUNet(
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        out_channels=out_channels,
        features=tuple(features),
        act="RELU",
        norm="BATCH",
        dropout=dropout,
        upsample=upsample,
    )


def tap_spec(*, spatial_dims: int = 2, **_: Any) -> TapSpec:
    """Return the taps: each level's output after its second convolution, BN and ReLU."""
    return TapSpec(_TAPS, spatial_dims=spatial_dims, size_multiple=16, min_size=16)


ENTRY = ArchitectureEntry(
    name="basic_unet",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    description="MONAI BasicUNet, five levels, batch normalisation and ReLU.",
)
