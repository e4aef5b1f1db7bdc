"""A U-Net with a transformer at its bottleneck: TransBTS' shape, as in MISSU.

Wang N. et al., "MISSU: 3D medical image segmentation via self-distilling TransUNet",
arXiv 2206.00902 (2022): a convolutional encoder, a transformer over the voxels at 1/8, a
convolutional decoder with skips. Widths and depths are those of the released configuration that
is consistent in itself (512 wide). Different from the released code, on purpose:

- any input size: the learned positions are interpolated to the grid at hand (released: 128³ only);
- group normalisation throughout (released: batch normalisation in bottleneck and decoder, with
  one sample per GPU);
- no dropout in evaluation (released: the first dropout stays active).

Its branch, in training only, is :mod:`napari_selfreg.nets.missu`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.networks.blocks.segresnet_block import ResBlock
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec

BLOCKS = (1, 2, 2, 4)
_STRIDE = 8

_CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_GROWTHS: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_DROPOUTS: dict[int, Callable[..., nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}

_TAPS = (
    Tap("E1", "encoder.0"),
    Tap("E2", "encoder.1"),
    Tap("E3", "encoder.2"),
    Tap("E4", "encoder.3"),
    Tap("B", "bottleneck"),
    Tap("D3", "decoder.0"),
    Tap("D2", "decoder.1"),
    Tap("D1", "decoder.2"),
)


def _groups(width: int) -> int:
    """Return 8 groups, or as many as divide a narrow width."""
    return math.gcd(8, width)


def _residual(dims: int, width: int) -> nn.Module:
    """Twice: group normalisation, ReLU, 3³ convolution; then the input is added."""
    return ResBlock(dims, width, norm=("group", {"num_groups": _groups(width)}))


class _Level(nn.Sequential):
    """A strided convolution (none at full resolution), then residual blocks."""

    def __init__(self, dims: int, entering: int, leaving: int, blocks: int) -> None:
        first = [] if entering == leaving else [_CONVOLUTIONS[dims](entering, leaving, 3, 2, 1)]
        super().__init__(*first, *(_residual(dims, leaving) for _ in range(blocks)))


class _Transformer(nn.Module):
    """Attention between all voxels of a coarse map, with learned positions for any grid."""

    def __init__(
        self,
        dims: int,
        width: int,
        hidden: int,
        grid: Sequence[int],
        layers: int,
        heads: int,
        mlp: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.mode = _LINEAR[dims]
        self.widen = nn.Sequential(
            nn.GroupNorm(_groups(width), width),
            nn.ReLU(),
            _CONVOLUTIONS[dims](width, hidden, 3, padding=1),
        )
        self.positions = nn.Parameter(torch.empty(1, hidden, *grid))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.drop = nn.Dropout(dropout)
        # torch's layer: MONAI's drops attention weights in evaluation too when it is not to store
        # the whole attention matrix.
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    hidden, heads, mlp, dropout, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(layers)
            )
        )
        self.narrow = nn.Sequential(
            nn.GroupNorm(_groups(hidden), hidden),
            nn.ReLU(),
            _CONVOLUTIONS[dims](hidden, width, 3, padding=1),
            _residual(dims, width),
        )

    def forward(self, coarse: Tensor) -> Tensor:
        """Return a map of the same shape."""
        maps = self.widen(coarse)
        tokens = (maps + self._positions(tuple(maps.shape[2:]))).flatten(2).transpose(1, 2)
        attended = self.layers(self.drop(tokens)).transpose(1, 2).reshape(maps.shape)
        narrowed: Tensor = self.narrow(attended)
        return narrowed

    def _positions(self, grid: tuple[int, ...]) -> Tensor:
        if tuple(self.positions.shape[2:]) == grid:
            return self.positions
        return functional.interpolate(self.positions, grid, mode=self.mode)


class _Up(nn.Module):
    """Halve the width, double the sides, join the skip, one residual block."""

    def __init__(self, dims: int, entering: int, leaving: int) -> None:
        super().__init__()
        self.halve = _CONVOLUTIONS[dims](entering, leaving, 1)
        self.grow = _GROWTHS[dims](leaving, leaving, 2, 2)
        self.join = _CONVOLUTIONS[dims](2 * leaving, leaving, 1)
        self.refine = _residual(dims, leaving)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the map at the skip's size."""
        grown = self.grow(self.halve(coarse))
        # A strided convolution rounds odd sides up: one row too many after the doubling.
        for axis in range(2, skip.ndim):
            grown = grown.narrow(axis, 0, skip.shape[axis])
        refined: Tensor = self.refine(self.join(torch.cat([grown, skip], 1)))
        return refined


class TransUNet(nn.Module):
    """See the module's description and :func:`build`."""

    def __init__(
        self,
        dims: int,
        in_channels: int,
        out_channels: int,
        base: int,
        blocks: Sequence[int],
        input_dropout: float,
        transformer: dict[str, Any],
    ) -> None:
        super().__init__()
        widths = [base, 2 * base, 4 * base, 8 * base]
        self.enter = nn.Sequential(
            _CONVOLUTIONS[dims](in_channels, base, 3, padding=1), _DROPOUTS[dims](input_dropout)
        )
        self.encoder = nn.ModuleList(
            _Level(dims, entering, leaving, count)
            for entering, leaving, count in zip([base, *widths], widths, blocks, strict=False)
        )
        self.bottleneck = _Transformer(dims, widths[-1], **transformer)
        self.decoder = nn.ModuleList(_Up(dims, 2 * width, width) for width in reversed(widths[:-1]))
        self.head = _CONVOLUTIONS[dims](base, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(N, out_channels, *spatial)``."""
        maps = self.enter(image)
        skips = []
        for level in self.encoder:
            maps = level(maps)
            skips.append(maps)
        maps = self.bottleneck(maps)
        for up, skip in zip(self.decoder, reversed(skips[:-1]), strict=True):
            maps = up(maps, skip)
        logits: Tensor = self.head(maps)
        return logits


def build(
    *,
    in_channels: int = 3,
    out_channels: int = 2,
    spatial_dims: int = 2,
    base: int = 16,
    blocks: Sequence[int] = BLOCKS,
    hidden: int = 512,
    layers: int = 4,
    heads: int = 8,
    mlp: int = 1024,
    grid: int | Sequence[int] = 16,
    dropout: float = 0.1,
    input_dropout: float = 0.2,
) -> nn.Module:
    """Return a TransUNet for inputs of any size.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    base
        Width of E1 and D1; doubled per level down to 1/8.
    blocks
        Residual blocks of the four encoder levels.
    hidden, layers, heads, mlp
        Width of the tokens, number of transformer layers, of heads, and width of the hidden
        layer.
    grid
        Sides of the learned table of positions, one position per 8 voxels (16: made for 128³);
        it is interpolated to other sizes.
    dropout, input_dropout
        Probability of dropping a value in the transformer, and a channel of the first
        convolution.

    Raises
    ------
    ValueError
        If numbers do not fit.
    """
    sides = (grid,) * spatial_dims if isinstance(grid, int) else tuple(grid)
    if len(blocks) != len(BLOCKS) or len(sides) != spatial_dims or min(sides) < 1:
        raise ValueError(f"blocks needs {len(BLOCKS)} numbers, grid {spatial_dims}")
    transformer = {
        "hidden": hidden,
        "grid": sides,
        "layers": layers,
        "heads": heads,
        "mlp": mlp,
        "dropout": dropout,
    }
    return TransUNet(
        spatial_dims, in_channels, out_channels, base, blocks, input_dropout, transformer
    )


def tap_spec(*, spatial_dims: int = 2, **_: Any) -> TapSpec:
    """Return the taps: every level down, the transformer's map, every level up.

    E4 and B have one size: the transformer works at 1/8. Other sizes than multiples of 8 work
    too; the multiple is what tiles are aligned to.
    """
    return TapSpec(_TAPS, spatial_dims, size_multiple=_STRIDE, min_size=2 * _STRIDE)


ENTRY = ArchitectureEntry(
    name="trans_unet",
    build=build,
    tap_spec=tap_spec,
    spatial_dims=(2, 3),
    global_context=True,
    description="U-Net with a transformer at its bottleneck, group normalisation, any size.",
)
