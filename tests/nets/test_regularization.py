"""Regularizers by name: what a recipe asks for, and what a training with them is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.dsd import DeepSupervision, DualSelfDistillation
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.regularization import NAMES, Regularization
from napari_selfreg.nets.selfreg import RegularizerTerms, SelfRegularization
from napari_selfreg.nets.tapspec import TapSpec
from tests.nets import volumes
from tests.nets.conftest import hook_count

SAMPLE = (2, 1, 16, 16, 16)


def build(
    terms: dict[str, dict[str, Any]], seed: int = 0
) -> tuple[nn.Module, TapSpec, Regularization]:
    network, spec, _ = volumes.small("dynunet")
    found = Regularization.build(terms, network, spec, sample=SAMPLE, n_classes=2, seed=seed)
    return network, spec, found


def once(
    network: nn.Module, spec: TapSpec, regularization: Regularization, step: int = 0
) -> tuple[RegularizerTerms, dict[str, Tensor]]:
    """Return the terms of one forward pass of a fixed batch, and its taps."""
    image = torch.rand(SAMPLE, generator=torch.Generator().manual_seed(2))
    with spec.open(network, regularization.blocks) as taps:
        logits = network(image)
        target = volumes.labels(SAMPLE[2:])
        result = regularization(taps, logits=logits, target=target, step=step)
        return result, dict(taps)


def test_totals_add_up_and_each_term_is_logged() -> None:
    chosen: dict[str, dict[str, Any]] = {
        "scr": {"weight": 0.5, "pairing": "mean"},
        "ifd": {"weight": 0.25, "sort": False},
        "decorrelation": {"weight": 2.0},
        "dsd": {"alpha": 0.5, "temperature": 2.0, "mode": "official"},
    }
    network, spec, together = build(chosen)
    result, taps = once(network, spec, together)
    total = torch.zeros(())
    names: set[str] = set()
    for name, options in chosen.items():
        _, _, alone = build({name: options})
        part, _ = once(network, spec, alone)
        total = total + part.total
        names |= set(part.terms)
    torch.testing.assert_close(result.total, total)
    assert set(result.terms) == names
    assert not any(term.requires_grad for term in result.terms.values())
    own = SelfRegularization(0.5, 0.25, 0.0, pairing="mean", sort=False)(taps, spec, step=0)
    for name, term in own.terms.items():
        torch.testing.assert_close(result.terms[name], term)


@pytest.mark.parametrize("name", ["dsd", "missu"])
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_heads_are_of_the_networks_type(name: str, kind: torch.dtype) -> None:
    network, spec, _ = volumes.small("dynunet")
    network = network.to(kind)
    found = Regularization.build({name: {}}, network, spec, sample=SAMPLE, n_classes=2, seed=0)
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(SAMPLE).to(kind))
        result = found(taps, logits=logits, target=volumes.labels(SAMPLE[2:]), step=0)
    result.total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(result.total)
    assert {parameter.dtype for parameter in found.parameters()} == {kind}


def test_only_the_blocks_that_are_needed_are_opened() -> None:
    assert build({"deep_supervision": {}})[2].blocks == ("B", "D3", "D2")
    assert build({"dsd": {"alpha": 0.0}})[2].blocks == ("B", "D3", "D2")
    assert build({"dsd": {}})[2].blocks == ("E1", "E2", "E3", "B", "D3", "D2")
    assert build({"scr": {}})[2].blocks == ("E2", "E3", "B", "D3", "D2", "D1")
    assert build({"scr": {}, "dsd": {}})[1].blocks == build({"scr": {}, "dsd": {}})[2].blocks


def test_nothing_asked_for_is_nothing_added() -> None:
    network, spec, none = build({})
    result, taps = once(network, spec, none)
    assert not none.active
    assert none.blocks == ()
    assert taps == {}
    assert result.total.item() == 0
    assert result.terms == {}
    assert list(none.parameters()) == []
    assert build({"ifd": {}})[2].active


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"dds": {}}, "no regularizer 'dds'; choose from scr, ifd"),
        ({"dsd": {}, "deep_supervision": {}}, "choose one of the two"),
        ({"dsd": {"weight": 1}}, "'dsd' has no option 'weight'; it takes alpha, temperature, mode"),
        ({"scr": {"sort": True}}, "'scr' has no option 'sort'; it takes weight, pairing"),
        ({"deep_supervision": {"alpha": 1}}, "no option 'alpha'; it takes share, decoder"),
        ({"dsd": {"alpha": "much"}}, "'dsd' cannot be built"),
        ({"dsd": {"alpha": -1}}, "alpha must be 0 or more"),
        ({"dsd": {"temperature": 0}}, "temperature must be more than 0"),
        ({"dsd": {"mode": "sage"}}, "mode is safe or official"),
        ({"dsd": {"kl_resolution": 3}}, "kl_resolution is 1, 2, 4 or 8"),
        ({"dsd": {"encoder": ["D2"]}}, "cannot use 'D2' there; choose from E1, E2, E3"),
        ({"ifd": {"weight": -1.0}}, "weight must be 0 or more"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    terms: dict[str, dict[str, Any]], message: str
) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        build(terms)
    assert str(caught.value).endswith(".")


def test_one_channel_alone_is_refused() -> None:
    network, spec, _ = volumes.small("dynunet", classes=0)
    with pytest.raises(BadInputError, match="two classes or more"):
        Regularization.build({"dsd": {}}, network, spec, sample=SAMPLE, n_classes=0, seed=0)


def test_building_changes_neither_network_nor_generators() -> None:
    network, spec, _ = volumes.small("basic_unet")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    state = torch.get_rng_state()
    Regularization.build({"dsd": {}}, network, spec, sample=SAMPLE, n_classes=2, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert hook_count(network) == 0


def test_heads_depend_on_the_seed_alone_and_start_as_those_of_deep_supervision() -> None:
    def first(terms: dict[str, dict[str, Any]], seed: int) -> dict[str, Tensor]:
        torch.manual_seed(99 + seed)
        state = build(terms, seed)[2].state_dict()
        return {name.split("heads.")[1]: value for name, value in state.items()}

    dsd, again, other = (
        first({"dsd": {}}, 3),
        first({"dsd": {}, "scr": {}}, 3),
        first({"dsd": {}}, 4),
    )
    assert dsd.keys() == again.keys()
    assert all(torch.equal(again[name], value) for name, value in dsd.items())
    assert not any(torch.equal(other[name], value) for name, value in dsd.items())
    plain = first({"deep_supervision": {}}, 3)
    assert plain.keys() < dsd.keys()
    assert all(torch.equal(dsd[name], value) for name, value in plain.items())


def trained(
    terms: dict[str, dict[str, Any]] | None, steps: int = 3
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Train a small network; return its weights and those of the heads."""
    network, spec, regularization = build(terms or {})
    optimiser = torch.optim.AdamW([*network.parameters(), *regularization.parameters()], 1e-2)
    criterion = SegmentationLoss(2, contour=False)
    torch.manual_seed(7)
    for step in range(steps):
        image, target = torch.rand(SAMPLE), torch.randint(0, 3, (2, *SAMPLE[2:]))
        with spec.open(network, regularization.blocks) as taps:
            logits = network(image)
            loss = torch.stack(list(criterion(logits, target).values())).sum()
            if terms is not None:
                loss = loss + regularization(taps, logits=logits, target=target, step=step).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.state_dict(), regularization.state_dict()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(other[name], value) for name, value in one.items())


def test_alpha_zero_is_deep_supervision_bit_for_bit() -> None:
    network, heads = trained({"deep_supervision": {}})
    for mode in ("safe", "official"):
        zero, zero_heads = trained({"dsd": {"alpha": 0.0, "mode": mode}})
        assert equal(network, zero)
        assert list(heads.values())
        assert all(
            torch.equal(*pair) for pair in zip(heads.values(), zero_heads.values(), strict=True)
        )
    assert not equal(network, trained({"dsd": {"alpha": 1.0}})[0])


def test_the_same_training_twice_is_the_same_and_none_is_the_plain_one() -> None:
    terms: dict[str, dict[str, Any]] = {"dsd": {}, "scr": {}, "ifd": {}}
    assert equal(trained(terms)[0], trained(terms)[0])
    assert equal(trained(None)[0], trained({})[0])
    assert equal(trained(None)[0], trained({"scr": {"weight": 0.0}})[0])
    assert not equal(trained(None)[0], trained({"scr": {}})[0])


def test_heads_are_absent_from_the_network_and_its_outputs() -> None:
    network, _ = trained({"dsd": {}})
    fresh, spec, _ = volumes.small("dynunet")
    assert network.keys() == fresh.state_dict().keys()
    fresh.load_state_dict(network)
    fresh.eval()
    image = torch.rand(SAMPLE)
    with torch.no_grad():
        plain = fresh(image)
        regularization = Regularization.build(
            {"dsd": {}}, fresh, spec, sample=SAMPLE, n_classes=2, seed=0
        )
        with spec.open(fresh, regularization.blocks):
            opened = fresh(image)
    assert torch.equal(plain, opened)
    inside = {id(p) for p in fresh.parameters()}
    assert not inside & {id(p) for p in regularization.parameters()}


def test_names_are_complete_and_have_the_classes_meant() -> None:
    assert NAMES[:5] == ("scr", "ifd", "decorrelation", "deep_supervision", "dsd")
    assert isinstance(build({"dsd": {}})[2].members["dsd"], DualSelfDistillation)
    assert isinstance(
        build({"deep_supervision": {}})[2].members["deep_supervision"], DeepSupervision
    )


def test_everything_follows_the_networks_device() -> None:
    network, spec, _ = volumes.small("dynunet")
    network.to("meta")
    found = Regularization.build(
        {"dsd": {}, "scr": {}}, network, spec, sample=SAMPLE, n_classes=2, seed=0
    )
    assert all(p.is_meta for p in found.parameters())
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(SAMPLE, device="meta"))
        target = volumes.labels(SAMPLE[2:]).to("meta")
        result = found(taps, logits=logits, target=target, step=0)
    result.total.backward()  # type: ignore[no-untyped-call]
    assert result.total.is_meta


def test_a_pairing_or_a_sample_that_cannot_be_used_is_told_at_once() -> None:
    with pytest.raises(BadInputError, match="pairing is random, first or mean"):
        build({"scr": {"pairing": "foo"}})
    network, spec, _ = volumes.small("dynunet")
    with pytest.raises(BadInputError, match=r"shape \(1, 5, 16, 16, 16\); correct their channels"):
        Regularization.build(
            {"dsd": {}}, network, spec, sample=(2, 5, 16, 16, 16), n_classes=2, seed=0
        )
