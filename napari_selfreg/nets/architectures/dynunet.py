"""MONAI's DynUNet, the network of nnU-Net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.networks.nets.dynunet import DynUNet
from torch import nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

FILTERS = (32, 64, 128, 256, 512)


class _DynUNet(DynUNet):
    """DynUNet whose state dict holds each tensor once.

    The original registers all blocks a second time below ``skip_layers``; here that tree is an
    ordinary attribute, and the blocks are found under their own names alone.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        skip_layers = self.skip_layers
        del self.skip_layers
        object.__setattr__(self, "skip_layers", skip_layers)


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    filters: Sequence[int] = FILTERS,
    strides: Sequence[int | Sequence[int]] | None = None,
    kernel_size: int = 3,
    norm: str = "INSTANCE",
    res_block: bool = False,
    dropout: float | None = None,
) -> nn.Module:
    """Return a DynUNet.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    filters
        Widths of E1… and B; at least three.
    strides
        Factor into each level, the first (1) included; 2 below E1 if None. A factor may be a list
        with one number per axis, such as ``[1, 2, 2]`` for thick slices.
    kernel_size
        Size of all kernels.
    norm
        ``"INSTANCE"`` (nnU-Net) or ``"BATCH"``.
    res_block
        Residual blocks.
    dropout
        Probability of dropping a value, after each convolution.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If widths, strides or norm do not fit.
    """
    if norm.upper() not in ("INSTANCE", "BATCH"):
        raise ValueError(f"norm is INSTANCE or BATCH, not {norm!r}")
    steps = _checked(filters, strides, spatial_dims)
    return _DynUNet(
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel_size=[kernel_size] * len(steps),
        strides=steps,
        upsample_kernel_size=steps[1:],
        filters=list(filters),
        norm_name=(norm.upper(), {"affine": True}),
        res_block=res_block,
        dropout=dropout,
    )


def tap_spec(
    *,
    spatial_dims: int = 2,
    filters: Sequence[int] = FILTERS,
    strides: Sequence[int | Sequence[int]] | None = None,
    **_: Any,
) -> TapSpec:
    """Return the taps: the output of every block but the head."""
    steps = _checked(filters, strides, spatial_dims)
    ups = len(steps) - 1
    taps = [
        Tap("E1", "input_block"),
        *(Tap(f"E{level + 2}", f"downsamples.{level}") for level in range(len(steps) - 2)),
        Tap("B", "bottleneck"),
        *(Tap(f"D{ups - level}", f"upsamples.{level}") for level in range(ups)),
    ]
    total = int(np.max(np.prod([np.broadcast_to(step, spatial_dims) for step in steps], axis=0)))
    return TapSpec(tuple(taps), spatial_dims, size_multiple=total, min_size=2 * total)


def _checked(
    filters: Sequence[int],
    strides: Sequence[int | Sequence[int]] | None,
    spatial_dims: int,
) -> list[int | list[int]]:
    given = [1] + [2] * (len(filters) - 1) if strides is None else strides
    steps = [
        int(step) if isinstance(step, int | float) else [int(factor) for factor in step]
        for step in given
    ]
    if len(filters) < 3 or len(steps) != len(filters) or steps[0] not in (1, [1] * spatial_dims):
        raise ValueError("filters needs three widths or more, strides as many numbers, 1 first")
    if any(isinstance(step, list) and len(step) != spatial_dims for step in steps):
        raise ValueError(f"a stride per axis needs {spatial_dims} numbers")
    return steps


ENTRY = ArchitectureEntry(
    name="dynunet",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    description="MONAI DynUNet (nnU-Net), instance normalisation.",
)
