"""What may change in a fine-tuning, and what stays bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from napari_selfreg.engine.finetune_parts import free_parameters, training_mode
from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.tapspec import Tap, TapSpec

SPEC = tap_spec("basic_unet")


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_network("basic_unet", in_channels=3, out_channels=3, features=(4, 4, 8, 8, 16, 4))


UNETR = {"img_size": 32, "feature_size": 4, "hidden_size": 24, "mlp_dim": 24, "num_heads": 2}


class Stemmed(nn.Module):
    """A foreign network: its head comes first in it, a stem and two ways between blocks untapped.

    The stem is a parameter of the network's own beside a convolution.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(4, 2, 1)
        self.up = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.widen = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.gain = nn.Parameter(torch.ones(1))
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.one = nn.Conv2d(4, 4, 3, padding=1)
        self.shrink = nn.Conv2d(4, 6, 2, stride=2)
        self.low = nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        skip = self.one(self.stem(image * self.gain))
        low = self.low(self.shrink(skip).relu())
        return self.head(self.up(torch.cat([skip, self.widen(low)], 1)))


STEMMED = TapSpec((Tap("E1", "one"), Tap("B", "low"), Tap("D1", "up")), size_multiple=2, min_size=4)
ENCODER_OF_STEMMED = {"gain", "stem", "one", "shrink", "low"}


def frozen(network: nn.Module, depth: int = 1) -> set[str]:
    """Return the parts of a network in which nothing may change."""
    parts: dict[str, list[bool]] = {}
    for name, parameter in network.named_parameters():
        parts.setdefault(".".join(name.split(".")[:depth]), []).append(parameter.requires_grad)
    return {name for name, free in parts.items() if not any(free)}


def changed(network: nn.Module, what: Any, **mode: bool) -> set[str]:
    """Return the names of all tensors that two steps of training have changed."""
    free = free_parameters(network, SPEC, what, 3)
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
    free = free_parameters(network, SPEC, "all", 3)
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


def test_what_runs_before_the_first_block_belongs_to_the_encoder() -> None:
    torch.manual_seed(0)
    foreign = Stemmed()
    foreign.stem.eval()
    state = {name: value.clone() for name, value in foreign.state_dict().items()}
    free_parameters(foreign, STEMMED, "decoder", 1)
    assert frozen(foreign) == ENCODER_OF_STEMMED
    free_parameters(foreign, STEMMED, "head_norms", 1)
    assert frozen(foreign, 2) == {"gain", "stem.0"} | {
        f"{name}.{kind}" for name in ("one", "shrink", "low") for kind in ("weight", "bias")
    } | {"up.0"}  # fmt: skip
    assert all(torch.equal(value, state[name]) for name, value in foreign.state_dict().items())
    assert foreign.training
    assert not foreign.stem.training
    assert all(not module._forward_pre_hooks for module in foreign.modules())


def test_without_tapped_encoder_it_is_what_the_first_block_is_given() -> None:
    foreign = Stemmed()
    free_parameters(foreign, TapSpec((Tap("D1", "up"),), size_multiple=2, min_size=4), "decoder", 1)
    assert frozen(foreign) == ENCODER_OF_STEMMED | {"widen"}


@pytest.mark.parametrize("dims", [2, 3])
def test_the_stem_of_a_transformer_is_its_encoders(dims: int) -> None:
    small = {"base": 4, "hidden": 8, "layers": 1, "heads": 2, "mlp": 8, "grid": 4}
    network = build_network("trans_unet", in_channels=1, out_channels=2, spatial_dims=dims, **small)
    spec = tap_spec("trans_unet", spatial_dims=dims)
    free_parameters(network, spec, "decoder", 1)
    assert frozen(network) == {"enter", "encoder", "bottleneck"}
    free_parameters(network, spec, "head_norms", 1)
    assert "enter" in frozen(network)
    assert "head" not in frozen(network)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("attention_unet", {"channels": (4, 8, 8)}),
        ("dynunet", {"filters": [4, 8, 8]}),
        ("selfreg_unet_paper", {}),
        ("swin_unetr", {"feature_size": 12}),
        ("unetr", UNETR),
    ],
)
def test_encoders_without_a_stem_are_their_tapped_blocks(
    name: str, arguments: dict[str, Any]
) -> None:
    network = build_network(name, in_channels=3, out_channels=2, **arguments)
    spec = tap_spec(name, **arguments)
    free_parameters(network, spec, "decoder", 3)
    found = {each for each, parameter in network.named_parameters() if not parameter.requires_grad}
    modules = [tap.module for tap in spec.taps if tap.block not in spec.decoder]
    tapped = {
        f"{module}.{each}"
        for module in modules
        for each, _ in network.get_submodule(module).named_parameters()
    }
    assert found == tapped


def test_what_is_left_free_is_what_was_frozen_before(network: nn.Module) -> None:
    free_parameters(network, SPEC, "head_norms", 3)
    assert len(free_parameters(network, SPEC, "all", 3)) == len(list(network.parameters()))


@pytest.mark.parametrize("keep", [True, False])
def test_statistics_are_kept_where_they_cannot_be_estimated(network: nn.Module, keep: bool) -> None:
    names = changed(network, "all", keep_statistics=keep)
    assert any("running_mean" in name for name in names) is not keep


def test_statistics_of_frozen_blocks_stay(network: nn.Module) -> None:
    names = changed(network, "decoder", keep_statistics=False)
    moved = {name for name in names if "running" in name}
    assert moved
    assert all(name.startswith("upcat") for name in moved)
