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

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import Tap, TapSpec
from napari_selfreg.nets.trans_blocks import CONVOLUTIONS, DROPOUTS, Level, Transformer, Up

BLOCKS = (1, 2, 2, 4)
_STRIDE = 8

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
            CONVOLUTIONS[dims](in_channels, base, 3, padding=1), DROPOUTS[dims](input_dropout)
        )
        self.encoder = nn.ModuleList(
            Level(dims, entering, leaving, count)
            for entering, leaving, count in zip([base, *widths], widths, blocks, strict=False)
        )
        self.bottleneck = Transformer(dims, widths[-1], **transformer)
        self.decoder = nn.ModuleList(Up(dims, 2 * width, width) for width in reversed(widths[:-1]))
        self.head = CONVOLUTIONS[dims](base, out_channels, 1)

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

    Returns
    -------
    nn.Module

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
    description="U-Net with a transformer at its bottleneck, group normalisation, any size.",
)
