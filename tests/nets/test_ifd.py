"""IFD against the published formula and its consequences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_selfreg.nets.ifd import ifd_terms, spread_keys
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets import plain
from tests.nets.conftest import MakeMaps

TWO = TapSpec((Tap("B", "b"), Tap("D1", "d")))


def of_one(feature: Tensor, **options: bool) -> Tensor:
    """Return the term of a single map."""
    spec = TapSpec(TWO.taps, spatial_dims=feature.ndim - 2)
    return ifd_terms({"B": feature, "D1": feature.detach()}, spec, **options)["ifd/B"]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equals_the_plain_formula(
    spec: TapSpec, make_maps: MakeMaps, last: bool, dtype: torch.dtype
) -> None:
    leaves = make_maps(dtype=dtype)
    form = torch.channels_last if last else torch.contiguous_format
    maps = {block: leaf.contiguous(memory_format=form) for block, leaf in leaves.items()}
    terms = ifd_terms(maps, spec)
    assert list(terms) == ["ifd/E2", "ifd/B", "ifd/D2"]
    for block in spec.student_blocks:
        wanted = plain.ifd(maps[block])
        assert terms[f"ifd/{block}"].dtype == torch.float32
        torch.testing.assert_close(terms[f"ifd/{block}"], wanted, rtol=1e-5, atol=0)
        (mine,) = torch.autograd.grad(terms[f"ifd/{block}"], leaves[block], retain_graph=True)
        (theirs,) = torch.autograd.grad(wanted, leaves[block])
        exactness = 1e-5 if dtype == torch.float32 else 1e-2
        torch.testing.assert_close(mine, theirs, rtol=exactness, atol=exactness * 1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradient_sums_to_zero_over_channels(make_maps: MakeMaps, dtype: torch.dtype) -> None:
    feature = make_maps(dtype=dtype)["B"]
    of_one(feature).backward()
    assert feature.grad is not None
    assert feature.grad.abs().max() > 0
    assert feature.grad.double().sum(1).abs().max() <= 1e-6 * feature.grad.abs().max()


def test_is_zero_exactly_when_paired_channels_are_equal() -> None:
    half = torch.rand(2, 4, 6, 6)
    twins = torch.cat([half, half], 1)
    assert of_one(twins, sort=False).item() == 0.0
    # Sorted, equal channels are neighbours and not partners: what pairs up then is rank r with
    # rank r + C/2, so all four distinct maps would have to be equal.
    assert of_one(twins).item() > 0.0
    assert of_one(half[:, :1].expand(2, 8, 6, 6).contiguous()).item() == 0.0
    twins[0, 0, 0, 0] += 0.1
    assert of_one(twins, sort=False).item() > 0.0


def test_sorted_partners_are_half_the_ranks_apart() -> None:
    # A channel that covers n of 16 pixels evenly has key sqrt(n) / 16: cover orders the channels.
    feature = torch.zeros(1, 4, 4, 4)
    for channel, cover in enumerate((3, 16, 9, 1)):
        feature.view(4, 16)[channel, :cover] = 5.0
    keys = spread_keys(feature)
    torch.testing.assert_close(keys, torch.tensor([3.0, 16.0, 9.0, 1.0]).sqrt() / 16)
    # ranks: 16, 9, 3, 1; pairs (16, 3) and (9, 1) differ at 13 and 8 pixels by 5.
    torch.testing.assert_close(of_one(feature), torch.tensor(25.0 * (13 + 8) / 32))
    unsorted = torch.tensor(25.0 * (6 + 15) / 32)
    torch.testing.assert_close(of_one(feature, sort=False), unsorted)


def test_keys_ignore_magnitude_and_are_zero_for_dead_channels() -> None:
    feature = torch.rand(2, 3, 5, 7)
    scaled = feature * torch.tensor([1.0, 50.0, 0.0]).view(1, 3, 1, 1)
    keys, scaled_keys = spread_keys(feature), spread_keys(scaled)
    torch.testing.assert_close(keys[:2], scaled_keys[:2])
    assert scaled_keys[2].item() == 0.0


@pytest.mark.parametrize("channels", [3, 5, 7])
def test_odd_channels_leave_out_the_lowest_key(channels: int) -> None:
    feature = torch.rand(2, channels, 6, 6) + 0.5
    feature[:, 1] = 0.0
    feature[:, 1, 0, 0] = 9.0  # the least spread
    feature.requires_grad_()
    of_one(feature).backward()
    assert feature.grad is not None
    touched = feature.grad.abs().sum((0, 2, 3)) > 0
    assert not touched[1]
    assert touched.sum() == channels - 1


def test_one_channel_gives_zero_with_a_gradient() -> None:
    feature = torch.rand(2, 1, 4, 4).bfloat16().requires_grad_()
    term = of_one(feature)
    term.backward()
    assert term.dtype == torch.float32
    assert term.item() == 0.0
    assert feature.grad is not None
    assert feature.grad.abs().sum().item() == 0.0


def test_detach_top_teaches_the_lower_half_only() -> None:
    feature = torch.rand(2, 6, 4, 4)
    for layout in (torch.contiguous_format, torch.channels_last):
        leaf = feature.clone(memory_format=layout).requires_grad_()
        term = of_one(leaf, detach_top=True, sort=False)
        torch.testing.assert_close(term, of_one(leaf, sort=False))
        term.backward()
        assert leaf.grad is not None
        assert leaf.grad[:, :3].abs().sum().item() == 0.0
        wanted = -2 * (feature[:, :3] - feature[:, 3:]) / (2 * 3 * 16)
        torch.testing.assert_close(leaf.grad[:, 3:], wanted)


def test_normalized_maps_do_not_feel_their_scale() -> None:
    feature = torch.rand(2, 6, 5, 4)
    one, other = of_one(feature, normalize=True), of_one(feature * 30, normalize=True)
    torch.testing.assert_close(one, other)
    assert of_one(feature * 30) > 800 * of_one(feature)


def test_volumes_dead_maps_and_one_sample() -> None:
    volume = torch.rand(1, 4, 3, 5, 7, requires_grad=True)
    torch.testing.assert_close(of_one(volume), plain.ifd(volume))
    dead = torch.zeros(1, 4, 3, 5, requires_grad=True)
    for normalize in (False, True):
        term = of_one(dead, normalize=normalize)
        term.backward()
        assert term.item() == 0.0
        assert torch.isfinite(dead.grad).all()  # type: ignore[arg-type]


def test_raises_channel_similarity_as_the_documentation_says() -> None:
    torch.manual_seed(0)
    feature = torch.rand(2, 8, 8, 8).requires_grad_()
    before = plain.similarity(feature)
    optimiser = torch.optim.SGD([feature], lr=100.0)
    for _ in range(50):
        optimiser.zero_grad()
        of_one(feature).backward()
        optimiser.step()
    assert plain.similarity(feature) > before + 0.05
