"""MONAI's SwinUNETR: shifted-window attention down, convolutions up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.networks.nets.swin_unetr import SwinUNETR
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

_TAPS = (
    Tap("E1", "encoder1"),
    Tap("E2", "encoder2"),
    Tap("E3", "encoder3"),
    Tap("E4", "encoder4"),
    # This skip has no block of its own: it is the transformer's fourth output.
    Tap("E5", "swinViT", "item:3"),
    Tap("B", "encoder10"),
    Tap("D5", "decoder5"),
    Tap("D4", "decoder4"),
    Tap("D3", "decoder3"),
    Tap("D2", "decoder2"),
    Tap("D1", "decoder1"),
)


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    feature_size: int = 24,
    depths: Sequence[int] = (2, 2, 2, 2),
    num_heads: Sequence[int] = (3, 6, 12, 24),
    window_size: int = 7,
    use_checkpoint: bool = False,
) -> nn.Module:
    """Return a SwinUNETR (six levels, stride 32).

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    feature_size
        Width of E1 and E2, a multiple of 12; doubled per level from E3 on.
    depths, num_heads
        Attention layers and heads of the four stages.
    window_size
        Side of an attention window, in tokens.
    use_checkpoint
        Compute activations again during backward, to save memory.

    Returns
    -------
    nn.Module
    """
    return SwinUNETR(
        in_channels=in_channels,
        out_channels=out_channels,
        spatial_dims=spatial_dims,
        feature_size=feature_size,
        depths=tuple(depths),
        num_heads=tuple(num_heads),
        window_size=window_size,
        use_checkpoint=use_checkpoint,
    )


def tap_spec(*, spatial_dims: int = 2, **_: Any) -> TapSpec:
    """Return the taps: the skips as the decoder sees them, the bottleneck, every decoder block."""
    return TapSpec(_TAPS, spatial_dims, size_multiple=32, min_size=64)


ENTRY = ArchitectureEntry(
    name="swin_unetr",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    description="MONAI SwinUNETR, shifted-window attention, instance normalisation.",
)
