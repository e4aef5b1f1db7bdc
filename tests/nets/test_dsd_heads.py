"""UpHead: tied doublings, any scale and size, exact averages."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from napari_selfreg.nets.dsd_heads import UpHead


def head(halvings: tuple[int, ...], channels: int = 5, classes: int = 3) -> UpHead:
    torch.manual_seed(1)
    return UpHead(channels, classes, halvings)


def test_one_transposed_convolution_is_applied_as_often_as_the_map_was_halved() -> None:
    module = head((3, 3, 3))
    layers = dict(module.named_children())
    assert set(layers) == {"to_classes", "growths"}
    assert list(module.growths) == ["2x2x2"]
    feature = torch.randn(1, 5, 2, 3, 1)
    wanted = module.to_classes(feature)
    for _ in range(3):
        wanted = module.growths["2x2x2"](wanted)
    torch.testing.assert_close(module(feature, (16, 24, 8)), wanted)
    # C*K + K for the convolution, 8*K*K + K once for all doublings
    assert sum(p.numel() for p in module.parameters()) == 5 * 3 + 3 + 8 * 9 + 3


def test_a_head_at_full_resolution_has_a_transposed_convolution_of_kernel_one() -> None:
    module = head((0, 0))
    assert list(module.growths) == ["1x1"]
    assert sum(p.numel() for p in module.parameters()) == 5 * 3 + 3 + 9 + 3
    assert module(torch.randn(1, 5, 7, 6), (7, 6)).shape == (1, 3, 7, 6)


def test_axes_of_different_scale_are_doubled_as_often_as_each_needs() -> None:
    module = head((1, 3, 2))
    assert list(module.growths) == ["2x2x2", "1x2x2", "1x2x1"]
    assert module(torch.randn(2, 5, 4, 1, 2), (8, 8, 8)).shape == (2, 3, 8, 8, 8)
    tied = head((0, 2, 2))
    assert list(tied.growths) == ["1x2x2"]
    assert tied(torch.randn(2, 5, 4, 2, 3), (4, 8, 12)).shape == (2, 3, 4, 8, 12)


@pytest.mark.parametrize("size", [(17, 20, 9), (13, 16, 8), (31, 30, 7)])
@pytest.mark.parametrize("pool", [1, 2])
def test_sizes_that_are_no_multiples_are_interpolated_to(size: tuple[int, ...], pool: int) -> None:
    module = head((3, 3, 1))
    feature = torch.randn(1, 5, -(-size[0] // 8), -(-size[1] // 8), -(-size[2] // 2))
    logits = module(feature, size, pool)
    assert logits.shape[2:] == tuple(side // pool for side in size)
    doubled = module.to_classes(feature)
    for layer in ("2x2x2", "2x2x1", "2x2x1"):
        doubled = module.growths[layer](doubled)
    wanted = functional.interpolate(doubled, size, mode="trilinear")
    if pool > 1:
        wanted = functional.adaptive_avg_pool3d(wanted, tuple(side // pool for side in size))
    torch.testing.assert_close(logits, wanted)


@given(
    halvings=st.lists(st.integers(0, 4), min_size=2, max_size=3),
    pool=st.sampled_from([1, 2, 4, 8]),
    seed=st.integers(0, 9),
)
def test_reduced_logits_are_the_averages_of_the_full_ones(
    halvings: list[int], pool: int, seed: int
) -> None:
    torch.manual_seed(seed)
    module = UpHead(2, 3, halvings).double()
    size = [max(pool, 2**n) for n in halvings]
    feature = torch.randn(1, 2, *[s // 2**n for s, n in zip(size, halvings, strict=True)]).double()
    average = functional.avg_pool2d if len(size) == 2 else functional.avg_pool3d
    torch.testing.assert_close(module(feature, size, pool), average(module(feature, size), pool))


def test_reduced_logits_never_pass_through_full_resolution() -> None:
    module = head((3, 3, 3))
    seen: list[int] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                seen.append(result.numel())
            return result

    with Watch():
        module(torch.randn(1, 5, 2, 2, 2), (16, 16, 16), 4)
    assert max(seen) <= max(3 * 4**3, 3 * 3 * 8)


def test_all_weights_learn_at_full_and_reduced_resolution() -> None:
    for pool in (1, 4):
        module = head((2, 2, 1))
        module(torch.randn(1, 5, 2, 2, 4), (8, 8, 8), pool).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
