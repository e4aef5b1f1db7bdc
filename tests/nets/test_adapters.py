"""Adapters from what modules return to channel-first maps."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.adapters import adapt, check_adapter


def test_tokens_fill_the_grid_row_by_row() -> None:
    grid = torch.arange(2 * 5 * 3 * 4.0).view(2, 5, 3, 4)
    tokens = grid.flatten(2).transpose(1, 2)
    assert torch.equal(adapt("tokens:3x4", (), tokens, 2), grid)


def test_tokens_without_a_grid_are_square_or_cubic() -> None:
    assert adapt("tokens", (), torch.zeros(2, 16, 5), 2).shape == (2, 5, 4, 4)
    assert adapt("tokens", (), torch.zeros(2, 27, 5), 3).shape == (2, 5, 3, 3, 3)


def test_steps_are_chained_from_left_to_right() -> None:
    output = [None, (torch.zeros(1, 6, 5), None)]
    assert adapt("item:1|item:0|tokens:2x3", (), output, 2).shape == (1, 5, 2, 3)
    assert adapt("item:-1|item:0|tokens:3x2", (), output, 2).shape == (1, 5, 3, 2)


def test_channels_last_and_input() -> None:
    image = torch.rand(1, 4, 6, 3)
    assert torch.equal(adapt("channels_last", (), image, 2), image.permute(0, 3, 1, 2))
    assert adapt("input", (image, None), None, 2) is image


@pytest.mark.parametrize(
    ("adapter", "output"),
    [
        ("tokens", torch.zeros(1, 15, 2)),
        ("tokens:4x4", torch.zeros(1, 15, 2)),
        ("tokens:4x4", torch.zeros(1, 16)),
        ("item:2", (torch.zeros(1, 1, 2, 2),)),
        ("item:0", torch.zeros(1, 1, 2, 2)),
        ("item:0|tokens:4x4", (None,)),
        ("identity", (torch.zeros(1, 1, 2, 2),)),
        ("identity", torch.zeros(1, 1, 2)),
        ("identity", torch.zeros(1, 1, 2, 2, 2)),
        ("input", torch.zeros(1, 1, 2, 2)),
    ],
)
def test_outputs_that_do_not_fit_are_refused(adapter: str, output: object) -> None:
    with pytest.raises(BadModelError):
        adapt(adapter, (), output, 2)


@pytest.mark.parametrize(
    "adapter", ["", "tokens:0x4", "identity|input", "item:", "flatten", "item:0|"]
)
def test_unknown_steps_are_refused(adapter: str) -> None:
    with pytest.raises(BadModelError, match="unknown step"):
        check_adapter(adapter)
