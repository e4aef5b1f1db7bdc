"""MONAI's VNet: residual blocks of 5³ convolutions, batch normalisation, ELU; volumes only."""

from __future__ import annotations

from typing import Any

from monai.networks.nets.vnet import VNet
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

_TAPS = (
    Tap("E1", "in_tr"),
    Tap("E2", "down_tr32"),
    Tap("E3", "down_tr64"),
    Tap("E4", "down_tr128"),
    Tap("B", "down_tr256"),
    Tap("D4", "up_tr256"),
    Tap("D3", "up_tr128"),
    Tap("D2", "up_tr64"),
    Tap("D1", "up_tr32"),
)


def build(
    *,
    in_channels: int = 1,
    out_channels: int = 2,
    spatial_dims: int = 3,
    dropout: float = 0.5,
) -> nn.Module:
    """Return a VNet (five levels, 16 to 256 channels, 45 million weights).

    Parameters
    ----------
    in_channels
        Channels of the input: 1, 2, 4, 8 or 16.
    out_channels
        Channels of the logits.
    spatial_dims
        3.
    dropout
        Probability of dropping a channel, in the deeper blocks and skips as published.

    Returns
    -------
    nn.Module
    """
    network = VNet(
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        out_channels=out_channels,
        dropout_prob_down=dropout,
        dropout_prob_up=(dropout, dropout),
        dropout_dim=spatial_dims,
    )
    for module in network.modules():
        # MONAI leaves the dropout of the two upper skips at one half whatever is asked for.
        if isinstance(module, nn.Dropout3d):
            module.p = dropout
    return network


def tap_spec(*, spatial_dims: int = 3, **_: Any) -> TapSpec:
    """Return the taps: every block's output, after the sum and the ELU."""
    # Batch normalisation needs more than one voxel per channel at 1/16 in training.
    return TapSpec(_TAPS, spatial_dims, size_multiple=16, min_size=32)


ENTRY = ArchitectureEntry(
    name="vnet",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(3,),
    description="MONAI VNet, residual 5³ convolutions, batch normalisation; volumes only.",
)
