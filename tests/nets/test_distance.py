"""The fast mean squared difference against the plain one, in all its forms."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from napari_selfreg.nets import distance
from napari_selfreg.nets.distance import Channels, mean_square_difference


def plainly(maps: Tensor, channels: Channels, target: Tensor | None) -> Tensor:
    """Return the same by indexing."""
    plus = maps if channels.plus is None else maps[:, channels.plus]
    plus = plus if channels.learn_plus else plus.detach()
    difference = plus if channels.minus is None else plus - maps[:, channels.minus]
    if target is not None:
        taken = target if channels.target is None else target[:, channels.target]
        difference = difference - taken
    return difference.square().mean()


def laid_out(values: Tensor, last: bool) -> Tensor:
    """Return values channels-last or not."""
    forms = {4: torch.channels_last, 5: torch.channels_last_3d}
    return values.contiguous(memory_format=forms[values.ndim] if last else torch.contiguous_format)


@given(
    channels=st.integers(1, 9),
    sides=st.lists(st.integers(1, 5), min_size=2, max_size=3),
    batch=st.integers(1, 3),
    last=st.booleans(),
    form=st.sampled_from(["all", "picked", "halves", "lower", "mean"]),
    seed=st.integers(0, 99),
    piece=st.sampled_from([1, 7, 64, 1 << 19]),
)
@settings(deadline=None, max_examples=60)
def test_equals_the_plain_form_with_its_gradient(
    channels: int, sides: list[int], batch: int, last: bool, form: str, seed: int, piece: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    maps = torch.rand(batch, channels, *sides, generator=source, dtype=torch.float64)
    maps = laid_out(maps, last).requires_grad_()
    order = torch.randperm(channels, generator=source)
    half = channels // 2
    wide = laid_out(torch.rand(batch, channels + 2, *sides, generator=source).double(), last)
    picks, target = {
        "all": (Channels(target=torch.randperm(channels + 2, generator=source)[:channels]), wide),
        "picked": (Channels(plus=order[: half + 1], target=order[: half + 1]), wide),
        "halves": (Channels(order[:half], order[half : 2 * half]), None),
        "lower": (Channels(order[:half], order[half : 2 * half], learn_plus=False), None),
        "mean": (Channels(), wide.mean(1, keepdim=True)),
    }[form]
    if form in ("halves", "lower") and half == 0:
        return
    before, distance._PIECE = distance._PIECE, piece
    try:
        mine = mean_square_difference(maps, picks, target)
    finally:
        distance._PIECE = before
    theirs = plainly(maps, picks, target)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(mine * 3, maps)[0], torch.autograd.grad(theirs * 3, maps)[0]
    )


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(last: bool, dtype: torch.dtype) -> None:
    # 1 + 2**-7 is the next bfloat16 after 1: its squared difference to 1 needs float32.
    near = laid_out(torch.full((1, 4, 16, 16), 1 + 2**-7, dtype=dtype), last).requires_grad_()
    target = torch.ones(1, 4, 16, 16)
    term = mean_square_difference(near, target=target)
    assert term.dtype == torch.float32
    assert term.item() == 2**-14
    # Sums of many squares do not stop growing, as they would in half precision.
    far = laid_out(torch.full((2, 8, 64, 64), 3.0, dtype=dtype), last).requires_grad_()
    term = mean_square_difference(far)
    assert term.item() == 9.0
    term.backward()  # type: ignore[no-untyped-call]
    assert far.grad is not None
    assert far.grad.dtype == dtype


@pytest.mark.parametrize("last", [False, True])
def test_gradient_has_the_layout_of_the_map(last: bool) -> None:
    maps = laid_out(torch.rand(2, 4, 6, 6), last).requires_grad_()
    order = torch.arange(4)
    (grad,) = torch.autograd.grad(
        mean_square_difference(maps, Channels(order[:2], order[2:])), maps
    )
    assert grad.stride() == maps.stride()


def test_low_matmul_precision_does_not_reach_the_result() -> None:
    maps = laid_out(torch.rand(2, 8, 8, 8), last=True)
    halves = Channels(torch.arange(4), torch.arange(4, 8))
    exact = mean_square_difference(maps, halves)
    torch.set_float32_matmul_precision("medium")
    try:
        low = mean_square_difference(maps, halves)
    finally:
        torch.set_float32_matmul_precision("highest")
    torch.testing.assert_close(low, exact, rtol=1e-6, atol=0)


def test_the_result_is_not_written_over_the_input() -> None:
    maps = torch.rand(1, 2, 4, 4, requires_grad=True)
    before = maps.detach().clone()
    term = mean_square_difference(maps)
    for _ in range(2):
        maps.grad = None
        term.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        torch.testing.assert_close(maps.grad, 2 * before / before.numel())
    assert torch.equal(maps.detach(), before)
