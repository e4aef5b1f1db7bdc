"""The parts of a TransUNet by themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.nets.trans_blocks import Level, Transformer, Up


def maps(dims: int, width: int, side: int) -> Tensor:
    return torch.rand((1, width, *(side,) * dims), generator=torch.Generator().manual_seed(0))


def transformer(dims: int, dropout: float = 0.0) -> Transformer:
    torch.manual_seed(0)
    return Transformer(dims, 8, 12, (2,) * dims, layers=2, heads=2, mlp=8, dropout=dropout)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("side", [4, 5])
def test_a_level_halves_and_a_step_up_undoes_it_for_odd_sides_too(dims: int, side: int) -> None:
    skip = Level(dims, 4, 4, blocks=1)(maps(dims, 4, side))
    coarse = Level(dims, 4, 8, blocks=2)(skip)
    assert skip.shape[1:] == (4, *(side,) * dims)
    assert coarse.shape[1:] == (8, *(-(-side // 2),) * dims)
    assert Up(dims, 8, 4)(coarse, skip).shape == skip.shape


@pytest.mark.parametrize("dims", [2, 3])
def test_attention_keeps_the_shape_and_interpolates_its_positions(dims: int) -> None:
    part = transformer(dims)
    assert part(maps(dims, 8, 2)).shape == (1, 8, *(2,) * dims)
    assert part(maps(dims, 8, 3)).shape == (1, 8, *(3,) * dims)
    assert part._positions((2,) * dims) is part.positions
    mode = "bilinear" if dims == 2 else "trilinear"
    wanted = functional.interpolate(part.positions, (3,) * dims, mode=mode)
    assert torch.equal(part._positions((3,) * dims), wanted)


def test_values_are_dropped_in_training_only() -> None:
    part, coarse = transformer(3, dropout=0.5), maps(3, 8, 2)
    assert not torch.equal(part(coarse), part(coarse))
    part.eval()
    assert torch.equal(part(coarse), part(coarse))
