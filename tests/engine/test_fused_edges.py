"""Zero padding at the border of a picture."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn.functional import conv2d, pad

from napari_selfreg.core.types import Box
from napari_selfreg.engine.fused_edges import Sides, take_back, zero_outside

EVERY = [Sides(*sides) for sides in itertools.product([False, True], repeat=4)]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Box(0, 0, 4, 6), Sides(True, False, True, False)),
        (Box(4, 6, 8, 12), Sides(False, True, False, True)),
        (Box(2, 2, 4, 4), Sides(False, False, False, False)),
        (Box(0, 0, 8, 12), Sides(True, True, True, True)),
    ],
)
def test_sides_are_those_of_the_picture_at_a_level(place, expected):
    assert Sides.of(place, 2, (32, 48)) == expected


@pytest.mark.parametrize("sides", EVERY)
def test_only_what_lies_outside_is_zeroed(sides):
    x = torch.ones(1, 2, 5, 6)
    zero_outside(x, sides)
    expected = torch.ones(5, 6)
    expected[: int(sides.top)] = 0
    expected[5 - sides.bottom :] = 0
    expected[:, : int(sides.left)] = 0
    expected[:, 6 - sides.right :] = 0
    assert all(torch.equal(channel, expected) for channel in x[0])


@pytest.mark.parametrize("sides", EVERY)
def test_the_bias_that_comes_through_hanging_taps_is_taken_back(sides):
    """A constant map, convolved with zeros around it, against the sum of all taps."""
    border = torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(0))
    inside = torch.ones(1, 1, 6, 7)
    around = pad(inside, [int(not sides.left), int(not sides.right),
                          int(not sides.top), int(not sides.bottom)], value=1.0)  # fmt: skip
    around = pad(around, [int(sides.left), int(sides.right), int(sides.top), int(sides.bottom)])
    expected = conv2d(around, border[:, None])
    total = border.sum((1, 2))[None, :, None, None].expand(1, 3, 8, 9).clone()
    take_back(total, border, sides)
    torch.testing.assert_close(total[:, :, 1:-1, 1:-1], expected)
