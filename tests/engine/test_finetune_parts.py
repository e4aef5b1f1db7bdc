"""What may change in a fine-tuning, and what stays bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from napari_selfreg.engine.finetune_parts import free_parameters, training_mode
from napari_selfreg.nets.registry import build_network, tap_spec

SPEC = tap_spec("basic_unet")


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_network("basic_unet", in_channels=3, out_channels=3, features=(4, 4, 8, 8, 16, 4))


def changed(network: nn.Module, what: Any, **mode: bool) -> set[str]:
    """Return the names of all tensors that two steps of training have changed."""
    free = free_parameters(network, SPEC, what)
    training_mode(network, keep_statistics=mode.get("keep_statistics", True))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(free, lr=0.1)
    for seed in range(2):
        picture = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
        network(picture).square().mean().backward()
        optimiser.step()
    after = network.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def blocks_of(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def test_all_of_it_may_change(network: nn.Module) -> None:
    free = free_parameters(network, SPEC, "all")
    assert free == list(network.parameters())
    assert all(parameter.requires_grad for parameter in free)


def test_the_decoder_changes_and_the_encoder_does_not(network: nn.Module) -> None:
    names = changed(network, "decoder")
    assert blocks_of(names) == {"upcat_1", "upcat_2", "upcat_3", "upcat_4", "final_conv"}


def test_head_and_norms_change_and_no_other_convolution(network: nn.Module) -> None:
    names = changed(network, "head_norms")
    assert {"final_conv.weight", "final_conv.bias"} <= names
    assert any("adn.N" in name for name in names)
    assert not any(".conv.weight" in name or "deconv" in name for name in names)


def test_what_is_left_free_is_what_was_frozen_before(network: nn.Module) -> None:
    free_parameters(network, SPEC, "head_norms")
    assert len(free_parameters(network, SPEC, "all")) == len(list(network.parameters()))


@pytest.mark.parametrize("keep", [True, False])
def test_statistics_are_kept_where_they_cannot_be_estimated(network: nn.Module, keep: bool) -> None:
    names = changed(network, "all", keep_statistics=keep)
    assert any("running_mean" in name for name in names) is not keep


def test_statistics_of_frozen_blocks_stay(network: nn.Module) -> None:
    names = changed(network, "decoder", keep_statistics=False)
    moved = {name for name in names if "running" in name}
    assert moved
    assert all(name.startswith("upcat") for name in moved)
