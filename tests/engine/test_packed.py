"""Packed convolutions against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.engine import packed
from napari_selfreg.engine.packed import PackedConv, PackedUpsampling, packing_works

pytestmark = pytest.mark.skipif(not packing_works(), reason="PyTorch lacks the operators")

CLOSE = {torch.float32: 1e-4, torch.bfloat16: 0.1}


def random(*shape: int, seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (1, 0)])
@torch.no_grad()
def test_a_convolution(
    dtype: torch.dtype, relu: bool, biased: bool, padding: tuple[int, int]
) -> None:
    weight, bias = random(5, 3, 3, 3), random(5, seed=1) if biased else None
    x = random(1, 3, 9, 14, seed=2)
    expected = functional.conv2d(x, weight, bias, padding=padding)
    expected = expected.relu() if relu else expected
    conv = PackedConv(weight, bias, padding, dtype, relu=relu)
    found = conv(x.to(dtype))
    assert conv.channels == 5
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, atol=CLOSE[dtype], rtol=CLOSE[dtype])
    assert relu == bool((found >= 0).all())


@torch.no_grad()
def test_adding_in_place_is_a_sum_and_a_relu() -> None:
    weight, x, total = random(4, 3, 1, 1), random(1, 3, 6, 7, seed=1), random(1, 4, 6, 7, seed=2)
    expected = (total + functional.conv2d(x, weight)).relu()
    before = x.clone()
    PackedConv(weight, None, (0, 0), torch.float32).add_relu_(total, x)
    torch.testing.assert_close(total, expected)
    assert torch.equal(x, before)


@torch.no_grad()
def test_upsampling_leaves_out_the_rows_that_lack_a_contributor() -> None:
    weight, bias, x = random(3, 4, 4, 4), random(4, seed=1), random(1, 3, 5, 8, seed=2)
    found = PackedUpsampling(weight, bias, torch.float32)(x)
    whole = functional.conv_transpose2d(x, weight, bias, stride=2)
    assert found.shape == (1, 4, 2 * 5 - 2, 2 * 8 - 2)
    torch.testing.assert_close(found, whole[..., 2:-2, 2:-2])


def test_a_build_without_one_of_the_operators_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Without:
        """Has them all but one."""

        def __getattr__(self, name: str) -> object:
            if name == "_convolution_pointwise_":
                raise AttributeError(name)
            return object()

    operators = type("Operators", (), {"mkldnn": Without()})()
    monkeypatch.setattr(packed.torch, "ops", operators)
    assert not packing_works()
