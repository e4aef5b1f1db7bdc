"""SCR against the published formula and its consequences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.scr import scr_terms
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets import plain
from tests.nets.conftest import MakeMaps


def generator(seed: int = 0) -> torch.Generator:
    """Return a seeded generator."""
    return torch.Generator().manual_seed(seed)


def drawn(channels: int, k: int, source: torch.Generator) -> Tensor:
    """Draw as SCR does."""
    return torch.randperm(channels, generator=source)[:k]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_random_pairs_equal_the_plain_formula(
    spec: TapSpec, make_maps: MakeMaps, last: bool, dtype: torch.dtype
) -> None:
    leaves = make_maps(dtype=dtype)
    form = torch.channels_last if last else torch.contiguous_format
    maps = {block: leaf.contiguous(memory_format=form) for block, leaf in leaves.items()}
    terms = scr_terms(maps, spec, generator=generator(3))
    source = generator(3)
    for block in spec.student_blocks:
        cs, k = maps[block].shape[1], min(maps[block].shape[1], 6)
        pairs = drawn(cs, k, source), drawn(6, k, source)
        wanted = plain.scr(maps[block], maps["D1"], *pairs)
        assert terms[f"scr/{block}"].dtype == torch.float32
        torch.testing.assert_close(terms[f"scr/{block}"], wanted, rtol=1e-5, atol=0)
        (mine,) = torch.autograd.grad(terms[f"scr/{block}"], leaves[block], retain_graph=True)
        (theirs,) = torch.autograd.grad(wanted, leaves[block])
        assert mine.dtype == dtype
        exactness = 1e-5 if dtype == torch.float32 else 1e-2
        torch.testing.assert_close(mine, theirs, rtol=exactness, atol=exactness * 1e-2)


def test_terms_are_named_in_the_order_of_the_blocks(spec: TapSpec, make_maps: MakeMaps) -> None:
    terms = scr_terms(make_maps(), spec, generator=generator())
    assert list(terms) == ["scr/E2", "scr/B", "scr/D2"]


def test_expectation_over_random_pairs_is_the_closed_form(
    spec: TapSpec, make_maps: MakeMaps
) -> None:
    maps = {block: leaf.detach() for block, leaf in make_maps(size=(4, 8)).items()}
    source = generator()
    draws = [scr_terms(maps, spec, generator=source) for _ in range(500)]
    for block in spec.student_blocks:
        values = torch.stack([draw[f"scr/{block}"] for draw in draws])
        wanted = plain.expected_scr(maps[block], maps["D1"])
        standard_error = values.std() / len(values) ** 0.5
        assert abs(values.mean() - wanted) < 4 * standard_error
        assert standard_error < 0.03 * wanted


def test_mean_pairing_is_the_varying_part_of_the_expectation(
    spec: TapSpec, make_maps: MakeMaps
) -> None:
    maps = make_maps()
    terms = scr_terms(maps, spec, generator=generator(), pairing="mean")
    for block in spec.student_blocks:
        target = plain.pooled(maps["D1"], tuple(maps[block].shape[2:]))
        constant = (target - target.mean(1, keepdim=True)).square().mean()
        wanted = plain.expected_scr(maps[block], maps["D1"])
        torch.testing.assert_close(terms[f"scr/{block}"] + constant, wanted)
        (mine,) = torch.autograd.grad(terms[f"scr/{block}"], maps[block])
        (theirs,) = torch.autograd.grad(wanted, maps[block])
        torch.testing.assert_close(mine, theirs)


def test_first_pairing_takes_the_first_channels(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    terms = scr_terms(maps, spec, generator=generator(), pairing="first")
    first = torch.arange(6)
    torch.testing.assert_close(terms["scr/B"], plain.scr(maps["B"], maps["D1"], first, first))


def test_unknown_pairing_is_refused(spec: TapSpec, make_maps: MakeMaps) -> None:
    with pytest.raises(BadInputError, match="random, first or mean"):
        scr_terms(make_maps(), spec, generator=generator(), pairing="all")  # type: ignore[arg-type]


def test_teacher_and_untapped_blocks_get_no_gradient(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    total = torch.stack(list(scr_terms(maps, spec, generator=generator()).values())).sum()
    total.backward()
    assert maps["D1"].grad is None
    assert maps["E1"].grad is None
    assert all(maps[block].grad is not None for block in spec.student_blocks)


def test_narrow_student_takes_as_many_teacher_channels(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps({"E2": 3})
    source = generator(5)
    wanted = plain.scr(maps["E2"], maps["D1"], drawn(3, 3, source), drawn(6, 3, source))
    torch.testing.assert_close(scr_terms(maps, spec, generator=generator(5))["scr/E2"], wanted)


def test_student_larger_on_one_axis_is_pooled_on_that_axis(make_maps: MakeMaps) -> None:
    spec = TapSpec((Tap("B", "b"), Tap("D1", "d")))
    student = torch.rand(2, 3, 8, 4, requires_grad=True)
    teacher = torch.rand(2, 3, 4, 8)
    term = scr_terms({"B": student, "D1": teacher}, spec, generator=generator(), pairing="first")
    pool = torch.nn.functional.adaptive_avg_pool2d
    wanted = torch.nn.functional.mse_loss(pool(student, (4, 4)), pool(teacher, (4, 4)))
    torch.testing.assert_close(term["scr/B"], wanted)


@pytest.mark.parametrize("size", [(14, 28), (20, 12), (13, 11)])
def test_sizes_that_are_not_square_or_do_not_divide(
    spec: TapSpec, make_maps: MakeMaps, size: tuple[int, int]
) -> None:
    maps = make_maps(size=size)
    terms = scr_terms(maps, spec, generator=generator(), pairing="mean")
    for block in spec.student_blocks:
        target = plain.pooled(maps["D1"], tuple(maps[block].shape[2:])).mean(1, keepdim=True)
        torch.testing.assert_close(terms[f"scr/{block}"], (maps[block] - target).square().mean())


def test_volumes(make_maps: MakeMaps) -> None:
    blocks = ("E2", "B", "D1")
    spec = TapSpec(tuple(Tap(block, block) for block in blocks), spatial_dims=3)
    maps = make_maps(size=(8, 12, 16))
    terms = scr_terms(maps, spec, generator=generator(), pairing="first")
    pairs = torch.arange(6), torch.arange(6)
    torch.testing.assert_close(terms["scr/B"], plain.scr(maps["B"], maps["D1"], *pairs))


def test_normalized_maps_do_not_feel_their_scale(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    scaled = {block: leaf * (100.0 if block == "E2" else 1.0) for block, leaf in maps.items()}
    one = scr_terms(maps, spec, generator=generator(1), normalize=True)
    other = scr_terms(scaled, spec, generator=generator(1), normalize=True)
    torch.testing.assert_close(one["scr/E2"], other["scr/E2"])
    bare = scr_terms(scaled, spec, generator=generator(1))["scr/E2"]
    assert bare > 100 * one["scr/E2"]


def test_dead_maps_and_one_sample_give_finite_gradients(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = {b: torch.zeros_like(leaf).requires_grad_() for b, leaf in make_maps(batch=1).items()}
    for normalize in (False, True):
        terms = scr_terms(maps, spec, generator=generator(), normalize=normalize)
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        assert total.item() == 0.0
        assert all(torch.isfinite(maps[b].grad).all() for b in spec.student_blocks)  # type: ignore[arg-type]


def test_draws_depend_on_the_generator_alone(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = scr_terms(maps, spec, generator=generator(7))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    two = scr_terms(maps, spec, generator=generator(7))
    three = scr_terms(maps, spec, generator=generator(8))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], three[name]) for name in one)
