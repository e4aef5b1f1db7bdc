"""TransUNet: any size, no dropout in evaluation, group normalisation, positions that matter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.nets.registry import build_network
from tests.nets import volumes


def image(*size: int, batch: int = 1) -> torch.Tensor:
    return torch.rand((batch, 1, *size), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(16, 16, 16), (16, 24, 40), (17, 22, 31), (9, 16, 12)])
def test_takes_any_size(size: tuple[int, ...]) -> None:
    network, spec, _ = volumes.small("trans_unet")
    with spec.open(network) as taps:
        logits = network(image(*size))
        coarse = tuple(-(-side // 8) for side in size)
        assert taps["B"].shape[2:] == taps["E4"].shape[2:] == coarse
        assert taps["D1"].shape[2:] == size
    assert logits.shape == (1, 3, *size)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_takes_any_size_in_two_dimensions() -> None:
    network, _, _ = volumes.small("trans_unet", dims=2)
    assert network(image(33, 50)).shape == (1, 3, 33, 50)


def test_positions_are_interpolated_to_other_grids_and_used_as_they_are_on_their_own() -> None:
    network, _, _ = volumes.small("trans_unet")
    bottleneck = network.bottleneck
    table = bottleneck.positions  # type: ignore[union-attr]
    assert bottleneck._positions((2, 2, 2)) is table  # type: ignore[union-attr, operator]
    wanted = functional.interpolate(table, (2, 3, 5), mode="trilinear")  # type: ignore[arg-type]
    assert torch.equal(bottleneck._positions((2, 3, 5)), wanted)  # type: ignore[union-attr, operator]
    # Without positions attention would not know where a token lies.
    network.eval()
    plain = network(image(16, 16, 16))
    with torch.no_grad():
        table.normal_(std=3.0)  # type: ignore[operator, union-attr]
    assert not torch.allclose(network(image(16, 16, 16)), plain, atol=1e-4)


def test_nothing_is_dropped_in_evaluation_and_something_in_training() -> None:
    network, _, _ = volumes.small("trans_unet")
    torch.manual_seed(1)
    assert not torch.equal(network(image(16, 16, 16)), network(image(16, 16, 16)))
    network.eval()
    state = torch.get_rng_state()
    assert torch.equal(network(image(16, 16, 16)), network(image(16, 16, 16)))
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():  # torch has a faster path without gradients: the same but for rounding
        torch.testing.assert_close(
            network(image(16, 16, 16)), network(image(16, 16, 16)), rtol=1e-4, atol=1e-5
        )


def test_a_sample_is_its_own_batch() -> None:
    # Group normalisation: no statistics of other samples, nor of earlier ones.
    network, _, _ = volumes.small("trans_unet")
    kinds = {type(module) for module in network.modules()}
    assert nn.GroupNorm in kinds
    assert not kinds & {nn.BatchNorm3d, nn.BatchNorm2d, nn.InstanceNorm3d}
    assert not list(network.buffers())
    network.eval()
    pair = torch.cat([image(16, 16, 16), 5 * image(16, 16, 16) + 1])
    torch.testing.assert_close(network(pair)[:1], network(pair[:1]), rtol=1e-4, atol=1e-5)


def test_the_default_is_the_released_configuration_that_is_consistent() -> None:
    with torch.device("meta"):
        network = build_network("trans_unet", in_channels=4, out_channels=4, spatial_dims=3)
    assert network.bottleneck.positions[0, 0].numel() == 4096  # type: ignore[union-attr, index]
    assert network.bottleneck.positions.shape[1] == 512  # type: ignore[union-attr, index]
    layers = [m for m in network.modules() if isinstance(m, nn.TransformerEncoderLayer)]
    assert len(layers) == 4
    assert {(m.linear1.out_features, m.self_attn.num_heads, m.norm_first) for m in layers} == {
        (1024, 8, True)
    }
    widths = [network.get_submodule(f"encoder.{i}")[-1].conv2.out_channels for i in range(4)]  # type: ignore[index]
    assert widths == [16, 32, 64, 128]


def test_layers_start_apart() -> None:
    network, _, _ = volumes.small("trans_unet")
    first, second = network.bottleneck.layers  # type: ignore[union-attr, misc]
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
