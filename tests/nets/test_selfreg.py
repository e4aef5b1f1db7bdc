"""SelfRegularization: weights, steps, and what a training with it is."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.decorrelation import decorrelation_terms
from napari_selfreg.nets.ifd import ifd_terms
from napari_selfreg.nets.scr import scr_terms
from napari_selfreg.nets.selfreg import SelfRegularization, step_generator
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets import plain
from tests.nets.conftest import FOREIGN_TAPS, Foreign, MakeMaps


def test_total_is_the_published_sum_of_means(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    result = SelfRegularization(0.5, 0.25, seed=3)(maps, spec, step=7)
    scr = scr_terms(maps, spec, generator=step_generator(3, 7))
    ifd = {block: plain.ifd(maps[block]) for block in spec.student_blocks}
    mean_scr = torch.stack(list(scr.values())).mean()
    both = (ifd["E2"] + ifd["B"]) / 2 + ifd["D2"]
    torch.testing.assert_close(result.total, 0.5 * mean_scr + 0.25 * both)
    torch.testing.assert_close(result.terms["scr"], mean_scr.detach())
    torch.testing.assert_close(result.terms["ifd"], both.detach())
    blocks = [f"{name}/{block}" for name in ("scr", "ifd") for block in spec.student_blocks]
    assert set(result.terms) == {"scr", "ifd", *blocks}
    assert not any(term.requires_grad for term in result.terms.values())


def test_published_weights_are_the_default() -> None:
    regularize = SelfRegularization()
    weights = regularize.lambda_scr, regularize.lambda_ifd, regularize.lambda_decorrelation
    assert weights == (0.015, 0.015, 0.0)
    assert regularize.active
    assert not SelfRegularization(0, 0).active
    assert SelfRegularization(0, 0, 0.1).active


@pytest.mark.parametrize("name", ["scr", "ifd", "decorrelation"])
def test_a_weight_of_zero_leaves_its_terms_out(
    spec: TapSpec, make_maps: MakeMaps, name: str
) -> None:
    weights = {"lambda_scr": 0.0, "lambda_ifd": 0.0, f"lambda_{name}": 2.0}
    maps = make_maps()
    result = SelfRegularization(**weights)(maps, spec)
    assert {term.split("/")[0] for term in result.terms} == {name}
    torch.testing.assert_close(result.total.detach(), 2 * result.terms[name])


def test_options_reach_the_terms(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    options = {"pairing": "mean", "normalize": True, "detach_top": True, "sort": False}
    result = SelfRegularization(1, 1, 1, **options)(maps, spec)  # type: ignore[arg-type]
    generator = torch.Generator()
    wanted = scr_terms(maps, spec, generator=generator, pairing="mean", normalize=True)
    wanted |= ifd_terms(maps, spec, sort=False, detach_top=True, normalize=True)
    wanted |= decorrelation_terms(maps, spec)
    for name, term in wanted.items():
        torch.testing.assert_close(result.terms[name], term.detach())


def test_draws_depend_on_seed_and_step_alone(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()

    def value(seed: int, step: int | None, regularize: SelfRegularization | None = None) -> float:
        regularize = regularize or SelfRegularization(seed=seed)
        return regularize(maps, spec, step=step).terms["scr"].item()

    assert value(1, 5) == value(1, 5)
    assert len({value(1, 5), value(1, 6), value(2, 5), value(5, 1)}) == 4
    counting = SelfRegularization(seed=1)
    assert [value(1, None, counting) for _ in range(3)] == [value(1, step) for step in range(3)]
    state = json.loads(json.dumps(counting.state()))
    resumed = SelfRegularization(seed=99)
    resumed.set_state(state)
    assert value(1, None, resumed) == value(1, 3)


def test_the_global_generator_is_untouched(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps()
    before = torch.get_rng_state()
    SelfRegularization(1, 1, 1)(maps, spec)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_impossible_weights_are_refused(weight: float) -> None:
    with pytest.raises(BadInputError, match="weight"):
        SelfRegularization(lambda_ifd=weight)
    with pytest.raises(BadInputError, match="seed"):
        SelfRegularization(seed=-1)


def test_blocks_may_be_few() -> None:
    maps = {"D1": torch.rand(1, 4, 8, 8), "B": torch.rand(1, 4, 4, 4, requires_grad=True)}
    only = TapSpec((Tap("B", "b"), Tap("D1", "d")))
    assert SelfRegularization()(maps, only).total.item() > 0
    none = TapSpec((Tap("D1", "d"),))
    assert SelfRegularization()(maps, none).total.item() == 0


def test_float32_under_autocast(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps(dtype=torch.bfloat16)
    regularize = SelfRegularization(1, 1, 1)
    outside = regularize(maps, spec, step=0)
    with torch.autocast("cpu", torch.bfloat16):
        inside = regularize(maps, spec, step=0)
        inside.total.backward()  # type: ignore[no-untyped-call]
    assert inside.total.dtype == torch.float32
    assert all(term.dtype == torch.float32 for term in inside.terms.values())
    assert torch.equal(inside.total, outside.total)
    wide = {block: leaf.detach().float() for block, leaf in maps.items()}
    torch.testing.assert_close(
        inside.total.detach(), regularize(wide, spec, step=0).total, rtol=1e-5, atol=0
    )


def test_terms_know_no_targets_so_ignored_pixels_count(foreign: Foreign) -> None:
    # The terms are functions of maps alone; with every pixel of the target ignored they are what
    # they are without a target, and so is their gradient.
    for function in (scr_terms, ifd_terms, decorrelation_terms, SelfRegularization.__call__):
        names = set(inspect.signature(function).parameters)
        assert not names & {"target", "targets", "labels", "mask", "ignore_index"}
    image = torch.rand(2, 3, 8, 8)
    gradients = []
    for target in (torch.full((2, 8, 8), 255), None):
        foreign.zero_grad()
        with FOREIGN_TAPS.open(foreign) as taps:
            logits = foreign(image)
            loss = SelfRegularization()(taps, FOREIGN_TAPS, step=0).total
            if target is not None:
                loss = loss + torch.nn.functional.cross_entropy(
                    logits, target, ignore_index=255, reduction="sum"
                )
            loss.backward()
        gradients.append(foreign.narrow[0].weight.grad.clone())  # type: ignore[index, union-attr]
    assert gradients[0].abs().max() > 0
    assert torch.equal(*gradients)


def trained(regularize: SelfRegularization | None, steps: int = 4) -> Mapping[str, Tensor]:
    """Train a small network that drops values at random; return its weights."""
    torch.manual_seed(0)
    network = Foreign()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(steps):
        image, target = torch.rand(2, 3, 8, 8), torch.randint(0, 2, (2, 8, 8))
        with FOREIGN_TAPS.open(network) as taps:
            logits = network(torch.nn.functional.dropout2d(image))
            loss = torch.nn.functional.cross_entropy(logits, target)
            if regularize is not None:
                loss = loss + regularize(taps, FOREIGN_TAPS, step=step).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.state_dict()


def test_weights_of_zero_equal_the_plain_run_bit_for_bit() -> None:
    plainly, zero = trained(None), trained(SelfRegularization(0, 0))
    assert all(torch.equal(zero[name], value) for name, value in plainly.items())


def test_the_same_training_twice_is_the_same_bit_for_bit() -> None:
    once, again = trained(SelfRegularization()), trained(SelfRegularization())
    plainly = trained(None)
    assert all(torch.equal(again[name], value) for name, value in once.items())
    assert any(not torch.equal(plainly[name], value) for name, value in once.items())


def test_everything_stays_on_the_device_of_the_maps(spec: TapSpec, make_maps: MakeMaps) -> None:
    # Operations on the meta device refuse tensors of another one, as those on a GPU would.
    maps = {block: leaf.detach().to("meta").requires_grad_() for block, leaf in make_maps().items()}
    for options in ({}, {"pairing": "first"}, {"pairing": "mean", "normalize": True}):
        result = SelfRegularization(1, 1, 1, **options)(maps, spec)  # type: ignore[arg-type]
        result.total.backward()  # type: ignore[no-untyped-call]
        assert result.total.is_meta
        assert all(term.is_meta for term in result.terms.values())
        assert all(maps[block].grad is not None for block in spec.student_blocks)


def test_an_unknown_pairing_and_an_empty_batch_are_refused(
    spec: TapSpec, make_maps: MakeMaps
) -> None:
    with pytest.raises(BadInputError, match="pairing is random, first or mean, not 'foo'"):
        SelfRegularization(pairing="foo")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="The batch is empty"):
        SelfRegularization()(make_maps(batch=0), spec)
