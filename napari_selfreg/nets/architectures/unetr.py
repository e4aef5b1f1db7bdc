"""MONAI's UNETR: a vision transformer with convolutions up; one input size only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.networks.nets.unetr import UNETR
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

PATCH = 16  # fixed in MONAI's UNETR

_DEFAULT_SIDE = {2: 256, 3: 96}


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    img_size: int | Sequence[int] | None = None,
    feature_size: int = 16,
    hidden_size: int = 768,
    mlp_dim: int = 3072,
    num_heads: int = 12,
) -> nn.Module:
    """Return a UNETR.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    img_size
        The input's sides, multiples of 16; 256 in 2-D and 96 in 3-D if None.
    feature_size
        Width of E1 and D1.
    hidden_size, mlp_dim, num_heads
        Width of the tokens, of the hidden layer, and number of attention heads.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If a side is no multiple of 16.
    """
    return UNETR(
        in_channels=in_channels,
        out_channels=out_channels,
        img_size=_sides(img_size, spatial_dims),
        feature_size=feature_size,
        hidden_size=hidden_size,
        mlp_dim=mlp_dim,
        num_heads=num_heads,
        spatial_dims=spatial_dims,
    )


def tap_spec(
    *, spatial_dims: int = 2, img_size: int | Sequence[int] | None = None, **_: Any
) -> TapSpec:
    """Return the taps; the bottleneck's tokens become a map of one pixel per 16x16 patch."""
    sides = _sides(img_size, spatial_dims)
    grid = "x".join(str(side // PATCH) for side in sides)
    taps = (
        Tap("E1", "encoder1"),
        Tap("E2", "encoder2"),
        Tap("E3", "encoder3"),
        Tap("E4", "encoder4"),
        Tap("B", "vit", f"item:0|tokens:{grid}"),
        Tap("D4", "decoder5"),
        Tap("D3", "decoder4"),
        Tap("D2", "decoder3"),
        Tap("D1", "decoder2"),
    )
    return TapSpec(taps, spatial_dims, size_multiple=PATCH, min_size=min(sides), fixed_size=sides)


def _sides(img_size: int | Sequence[int] | None, spatial_dims: int) -> tuple[int, ...]:
    if img_size is None:
        img_size = _DEFAULT_SIDE[spatial_dims]
    sides = (img_size,) * spatial_dims if isinstance(img_size, int) else tuple(img_size)
    if len(sides) != spatial_dims or any(side < PATCH or side % PATCH for side in sides):
        raise ValueError(f"img_size needs {spatial_dims} multiples of {PATCH}, not {sides}")
    return sides


ENTRY = ArchitectureEntry(
    name="unetr",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    description="MONAI UNETR, a vision transformer for one input size, instance normalisation.",
)
