"""MONAI's AttentionUnet: gated skip connections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from monai.networks.nets.attentionunet import AttentionUnet
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

CHANNELS = (32, 64, 128, 256, 512)


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    channels: Sequence[int] = CHANNELS,
    strides: Sequence[int] | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    """Return an AttentionUnet.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    channels
        Widths of E1… and B; at least three.
    strides
        Factors between them, one fewer; 2 each if None.
    dropout
        Probability of dropping a value, after each convolution.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If the widths and strides do not belong together.
    """
    return AttentionUnet(
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        out_channels=out_channels,
        channels=tuple(channels),
        strides=_checked(channels, strides),
        dropout=dropout,
    )


def tap_spec(
    *,
    spatial_dims: int = 2,
    channels: Sequence[int] = CHANNELS,
    strides: Sequence[int] | None = None,
    **_: Any,
) -> TapSpec:
    """Return the taps: each level's convolutions down, each level's merged output up."""
    total = math.prod(_checked(channels, strides))
    depth = len(channels) - 1
    layers = ["model.1" + ".submodule.1" * level for level in range(depth)]
    # The deepest layer holds the bottleneck alone, the others a block and the next layer.
    down = [f"{layer}.submodule.0" for layer in layers[:-1]] + [f"{layers[-1]}.submodule"]
    taps = [
        Tap("E1", "model.0"),
        *(Tap(f"E{level + 2}", name) for level, name in enumerate(down[:-1])),
        Tap("B", down[-1]),
        *(Tap(f"D{level + 1}", layers[level]) for level in reversed(range(depth))),
    ]
    # Instance normalisation (in the merging convolutions) needs more than one pixel in training.
    return TapSpec(tuple(taps), spatial_dims, size_multiple=total, min_size=2 * total)


def _checked(channels: Sequence[int], strides: Sequence[int] | None) -> tuple[int, ...]:
    steps = (2,) * (len(channels) - 1) if strides is None else tuple(strides)
    if len(channels) < 3 or len(steps) != len(channels) - 1:
        raise ValueError("channels needs three widths or more, strides one number fewer")
    return steps


ENTRY = ArchitectureEntry(
    name="attention_unet",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    description="MONAI AttentionUnet, gated skips, batch and instance normalisation.",
)
