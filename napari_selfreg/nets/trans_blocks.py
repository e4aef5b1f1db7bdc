"""The parts of a TransUNet: residual levels down, a transformer at the bottom, steps up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from monai.networks.blocks.segresnet_block import ResBlock
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
DROPOUTS: dict[int, Callable[..., nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
"""Layers by the number of dimensions; these drop whole channels."""

_GROWTHS: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}


def _groups(width: int) -> int:
    """Return 8 groups, or as many as divide a narrow width."""
    return math.gcd(8, width)


def _residual(dims: int, width: int) -> nn.Module:
    """Twice: group normalisation, ReLU, 3³ convolution; then the input is added."""
    return ResBlock(dims, width, norm=("group", {"num_groups": _groups(width)}))


class Level(nn.Sequential):
    """A strided convolution (none at full resolution), then residual blocks.

    Parameters
    ----------
    dims
        2 or 3.
    entering, leaving
        Channels of the input and of the output; where they are equal nothing is halved.
    blocks
        How many residual blocks.
    """

    def __init__(self, dims: int, entering: int, leaving: int, blocks: int) -> None:
        first = [] if entering == leaving else [CONVOLUTIONS[dims](entering, leaving, 3, 2, 1)]
        super().__init__(*first, *(_residual(dims, leaving) for _ in range(blocks)))


class Transformer(nn.Module):
    """Attention between all voxels of a coarse map, with learned positions for any grid.

    Parameters
    ----------
    dims
        2 or 3.
    width, hidden
        Channels of the map, and of the tokens.
    grid
        Sides of the learned table of positions; it is interpolated to other sizes.
    layers, heads, mlp
        Number of layers, of heads, and width of the hidden layer.
    dropout
        Probability of dropping a value, in training.
    """

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
            CONVOLUTIONS[dims](width, hidden, 3, padding=1),
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
            CONVOLUTIONS[dims](hidden, width, 3, padding=1),
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


class Up(nn.Module):
    """Halve the width, double the sides, join the skip, one residual block.

    Parameters
    ----------
    dims
        2 or 3.
    entering, leaving
        Channels of the coarse map, and of skip and output.
    """

    def __init__(self, dims: int, entering: int, leaving: int) -> None:
        super().__init__()
        self.halve = CONVOLUTIONS[dims](entering, leaving, 1)
        self.grow = _GROWTHS[dims](leaving, leaving, 2, 2)
        self.join = CONVOLUTIONS[dims](2 * leaving, leaving, 1)
        self.refine = _residual(dims, leaving)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the map at the skip's size."""
        grown = self.grow(self.halve(coarse))
        # A strided convolution rounds odd sides up: one row too many after the doubling.
        for axis in range(2, skip.ndim):
            grown = grown.narrow(axis, 0, skip.shape[axis])
        refined: Tensor = self.refine(self.join(torch.cat([grown, skip], 1)))
        return refined
