"""What comes into play before the decoder of a network."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import UNet
from torch import Tensor, nn

from napari_selfreg.nets.tapspec import Tap, TapSpec
from napari_selfreg.nets.upstream import before_decoder


class Pair(nn.Module):
    """Takes a list of maps and gives their sum, each by a convolution of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.ways = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(2))

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.ways[0](maps[0]) + self.ways[1](maps[1])


class Forked(nn.Module):
    """Two stems, of which the encoder sees one and the decoder both."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
        self.encoder = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Dropout(0.5))
        self.decoder = Pair()
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        assert not self.training
        assert image.shape == (1, 3, 8, 8)
        return self.decoder([self.encoder(self.near(image)), self.far(image)])


def names(network: nn.Module, found: set[nn.Parameter]) -> set[str]:
    return {name.split(".")[0] for name, each in network.named_parameters() if each in found}


def test_a_stem_of_the_decoder_alone_is_not_the_encoders() -> None:
    network = Forked()
    spec = TapSpec((Tap("E1", "encoder"), Tap("D1", "decoder")), size_multiple=4, min_size=5)
    with torch.no_grad():
        found = before_decoder(network, spec, 3)
    assert names(network, found) == {"near", "encoder"}
    assert network.training


def test_without_an_encoder_it_is_what_the_decoder_is_given() -> None:
    network = Forked()
    spec = TapSpec((Tap("D1", "decoder"),), fixed_size=(8, 8))
    assert names(network, before_decoder(network, spec, 3)) == {"near", "far", "encoder"}


def test_a_network_that_fails_is_left_without_hooks() -> None:
    network = Forked()
    spec = TapSpec((Tap("E1", "encoder"), Tap("D1", "decoder")), fixed_size=(6, 6))
    with pytest.raises(AssertionError):
        before_decoder(network, spec, 3)
    assert not network.encoder._forward_pre_hooks
    assert network.training


def test_instance_norm_is_given_more_than_one_place() -> None:
    network = UNet(2, 3, 2, (4, 8, 16), (2, 2))
    spec = TapSpec.propose(network, (1, 3, 64, 64)).tapspec
    assert spec is not None
    assert before_decoder(network, spec, 3)
