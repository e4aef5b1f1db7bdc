"""Fresh networks and trained ones, as every training begins and ends with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.networks import fresh_network, require_card, write_trained
from napari_selfreg.io.card import Card
from napari_selfreg.nets.registry import tap_spec
from tests.bundles import FEATURES, example_card, example_fields

SMALL = {"features": FEATURES}


@pytest.mark.parametrize("dims", [2, 3])
def test_weights_depend_on_the_seed_alone(dims: int) -> None:
    state = torch.random.get_rng_state()
    sizes = {"in_channels": 1, "out_channels": 2, "spatial_dims": dims}
    one = fresh_network("basic_unet", SMALL, seed=3, **sizes).state_dict()
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(5)
    again = fresh_network("basic_unet", SMALL, seed=3, **sizes).state_dict()
    other = fresh_network("basic_unet", SMALL, seed=4, **sizes).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_there_is_no_such_network() -> None:
    with pytest.raises(BadModelError, match="nonet"):
        fresh_network("nonet", {}, seed=0, in_channels=1, out_channels=2)


def test_the_given_weights_are_written_at_half_precision(tmp_path: Path) -> None:
    card = example_card()
    sizes = {"in_channels": card.in_channels, "out_channels": card.out_channels}
    arguments = card.architecture_args
    network, other = (
        fresh_network(card.architecture, arguments, seed=seed, **sizes) for seed in (0, 1)
    )
    path = tmp_path / "m.safetensors"
    spec = tap_spec(card.architecture, **arguments)
    write_trained(network.train(), spec, other.state_dict(), card, path)
    assert not network.training
    stored = load_model(path).network.state_dict()
    wanted = other.state_dict()
    for name, tensor in wanted.items():
        torch.testing.assert_close(stored[name], tensor, rtol=1e-3, atol=1e-3)
    assert any(not torch.equal(stored[name], wanted[name]) for name in wanted)


def test_a_card_that_is_not_valid_is_a_sentence() -> None:
    def wrong() -> Card:
        return Card.model_validate(example_fields(title=""))

    with pytest.raises(ValidationError):
        wrong()
    with pytest.raises(BadInputError, match=r"card would not be valid \(.*title"):
        require_card(wrong)
    require_card(example_card)
