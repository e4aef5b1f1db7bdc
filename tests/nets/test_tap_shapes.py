"""Channels and scales of taps, found by one forward pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.tap_shapes import TapShape, tap_shapes
from tests.nets import volumes


def test_isotropic_taps_halve_from_level_to_level() -> None:
    network, spec, _ = volumes.small("dynunet")
    found = tap_shapes(network, spec, (3, 1, 16, 16, 32))
    assert found == {
        "E1": TapShape(4, (0, 0, 0)),
        "E2": TapShape(6, (1, 1, 1)),
        "E3": TapShape(8, (2, 2, 2)),
        "B": TapShape(10, (3, 3, 3)),
        "D3": TapShape(8, (2, 2, 2)),
        "D2": TapShape(6, (1, 1, 1)),
        "D1": TapShape(4, (0, 0, 0)),
    }
    assert found["E3"].scale == 4


def test_axes_may_differ() -> None:
    arguments = {"filters": [4, 6, 8], "strides": [1, [1, 2, 2], [2, 2, 2]]}
    network = build_network("dynunet", in_channels=1, out_channels=2, spatial_dims=3, **arguments)
    spec = tap_spec("dynunet", spatial_dims=3, **arguments)
    found = tap_shapes(network, spec, (1, 1, 8, 16, 16))
    assert [found[block].halvings for block in ("E2", "B", "D2")] == [
        (0, 1, 1),
        (1, 2, 2),
        (0, 1, 1),
    ]


@pytest.mark.parametrize("side", [17, 20, 23])
def test_sides_that_are_no_multiples_give_the_nearest_power(side: int) -> None:
    network, spec, _ = volumes.small("basic_unet", dims=2)
    found = tap_shapes(network, spec, (1, 1, side, side))
    assert [found[block].halvings for block in ("E1", "E2", "D1")] == [(0, 0), (1, 1), (0, 0)]


def test_batch_statistics_modes_and_generators_stay() -> None:
    network, spec, _ = volumes.small("basic_unet")
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    tap_shapes(network, spec, (4, 1, 16, 16, 16))
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "sample", "message"),
    [
        ("swin_unetr", (1, 1, 32, 32, 32), "64 voxels or more along every axis; 32×32×32 is too"),
        ("unetr", (1, 1, 48, 48, 48), "patches of 32×32×32 voxels only, not 48×48×48"),
        ("dynunet", (1, 1, 32, 32), "3 spatial axes, not 2"),
    ],
)
def test_sizes_that_a_network_does_not_take_are_refused(
    name: str, sample: tuple[int, ...], message: str
) -> None:
    network: nn.Module
    network, spec, _ = volumes.small(name)
    with pytest.raises(BadInputError, match=message):
        tap_shapes(network, spec, sample)
