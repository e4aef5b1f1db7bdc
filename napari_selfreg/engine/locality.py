"""Whether a pixel's answer depends on its neighbourhood only, and how wide that is."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from napari_selfreg.core.tiles import ceil_to
from napari_selfreg.nets.tapspec import TapSpec

HALO_STRIDES = 6
"""Context on each side of a core, in units of the network's total stride.

The default network's answer depends on 92 px, hence 96: a tile then equals one forward of the whole
image. With 80 px single pixels of the bundled models differ by up to 0.04, with 64 px by up to 0.2.
"""

_WHOLE_TILE = (
    _InstanceNorm,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.MultiheadAttention,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool3d,
)


def sees_whole_tile(network: nn.Module, tapspec: TapSpec) -> bool:
    """Return whether normalisation or attention couples all pixels of a tile.

    Then a tile does not equal the crop of the whole, whatever its halo: overlapping tiles are
    blended instead.

    Parameters
    ----------
    network : Module
        Looked through for instance, group and layer normalisation, attention, global pooling
        and batch normalisation without running statistics.
    tapspec : TapSpec
        A fixed input size also means tokens of a fixed grid.

    Returns
    -------
    bool
    """
    if tapspec.fixed_size is not None:
        return True
    return any(
        isinstance(module, _WHOLE_TILE)
        or (isinstance(module, _BatchNorm) and module.running_mean is None)
        or "SelfAttention" in type(module).__name__
        for module in network.modules()
    )


def halo_of(tapspec: TapSpec) -> int:
    """Return the context on each side of a core, in pixels: a multiple of the total stride."""
    return ceil_to(max(32, HALO_STRIDES * tapspec.size_multiple), tapspec.size_multiple)
