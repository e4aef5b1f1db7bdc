"""Operations computed in part equal the part of the whole."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from napari_selfreg.core.blocks import common, sides, slices, whole
from napari_selfreg.engine.volume.local_ops import (
    Convolution,
    Elementwise,
    Nearest,
    Pooling,
    Transposed,
)

torch.manual_seed(0)


def _conv(kernel, stride, padding, dilation=(1, 1, 1), groups=1):
    weight = torch.randn(4, 4 // groups, *kernel)
    op = Convolution(weight, torch.randn(4), stride, padding, dilation, groups)
    return op, lambda x: torch.conv3d(x, weight, op.bias, stride, padding, dilation, groups)


def _up(kernel, stride, padding, extra=(0, 0, 0)):
    weight = torch.randn(4, 3, *kernel)
    return Transposed(weight, None, stride, padding, extra), (
        lambda x: torch.conv_transpose3d(x, weight, None, stride, padding, extra)
    )


OPS = {
    "3x3x3": _conv((3, 3, 3), (1, 1, 1), (1, 1, 1)),
    "flat": _conv((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    "strided": _conv((3, 3, 3), (2, 2, 2), (1, 1, 1)),
    "channels": _conv((1, 1, 1), (1, 1, 1), (0, 0, 0)),
    "unpadded": _conv((3, 2, 1), (1, 1, 1), (0, 0, 0)),
    "dilated": _conv((3, 3, 3), (1, 1, 1), (2, 2, 2), (2, 2, 2), 2),
    "wide": _conv((5, 5, 5), (1, 2, 1), (2, 2, 2)),
    "up 2": _up((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    "up flat": _up((1, 2, 2), (1, 2, 2), (0, 0, 0)),
    "up 3": _up((3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1)),
    "up 4": _up((4, 4, 4), (2, 2, 2), (1, 1, 1)),
    "max": (
        Pooling(torch.max_pool3d, (2, 2, 2), (2, 2, 2)),
        lambda x: functional.max_pool3d(x, 2),
    ),
    "mean": (
        Pooling(functional.avg_pool3d, (3, 3, 3), (2, 1, 2)),
        lambda x: functional.avg_pool3d(x, 3, (2, 1, 2)),
    ),
    "nearest": (
        Nearest((1, 2, 3)),
        lambda x: functional.interpolate(x, scale_factor=(1.0, 2.0, 3.0)),
    ),
    "relu": (Elementwise(functional.relu, torch.relu_), functional.relu),
}


@pytest.mark.parametrize("name", OPS)
@given(st.data())
@settings(max_examples=8)
def test_a_part_equals_the_part_of_the_whole(name, data):
    op, function = OPS[name]
    shape = tuple(data.draw(st.integers(5, 9)) for _ in range(3))
    x = torch.randn(1, 4, *shape)
    expected = function(x)
    assert op.shape(shape) == expected.shape[2:]
    starts = [data.draw(st.integers(0, side - 1)) for side in expected.shape[2:]]
    wanted = tuple(
        (start, data.draw(st.integers(start + 1, side)))
        for start, side in zip(starts, expected.shape[2:], strict=True)
    )
    part = x[(slice(None), slice(None), *slices(common(op.needs(wanted), whole(shape))))]
    found = op.compute([part.clone()], wanted, shape, spare=True)
    assert found.shape[2:] == sides(wanted)
    inside = (slice(None), slice(None), *slices(wanted))
    torch.testing.assert_close(found, expected[inside], atol=1e-4, rtol=1e-4)


def test_a_part_is_overwritten_only_if_it_may_be():
    x = torch.full((1, 1, 2, 2, 2), -1.0)
    op = Elementwise(torch.relu, torch.relu_)
    assert op.compute([x], whole((2, 2, 2)), (2, 2, 2), spare=False).max() == 0
    assert (x == -1).all()
    op.compute([x], whole((2, 2, 2)), (2, 2, 2), spare=True)
    assert (x == 0).all()


def test_gaps_in_a_transposed_convolution_are_refused():
    make = partial(Transposed, torch.randn(2, 2, 2, 2, 2), None, padding=(0, 0, 0))
    with pytest.raises(ValueError, match="stride"):
        make(stride=(3, 3, 3), extra=(0, 0, 0))
    with pytest.raises(ValueError, match="padding"):
        make(stride=(2, 2, 2), extra=(1, 0, 0))
