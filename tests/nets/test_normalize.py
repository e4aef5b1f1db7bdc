"""Maps of unit size."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.nets.normalize import unit_maps


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 2, 3, 4, 5), (2, 1, 6)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_every_map_has_a_root_mean_square_of_one(shape: tuple[int, ...], size: float) -> None:
    maps = size * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    scaled = unit_maps(maps)
    assert scaled.shape == maps.shape
    rms = scaled.flatten(2).square().mean(2).sqrt()
    torch.testing.assert_close(rms, torch.ones_like(rms))
    factors = (scaled / maps).flatten(2)  # one for each map
    torch.testing.assert_close(factors, factors[..., :1].expand_as(factors))


def test_a_map_of_zeros_stays_one_and_its_gradient_a_number() -> None:
    maps = torch.zeros(1, 2, 4, 4, requires_grad=True)
    scaled = unit_maps(maps)
    assert not scaled.any()
    scaled.sum().backward()
    assert torch.isfinite(maps.grad).all()


def test_making_all_maps_smaller_lowers_no_loss_between_them() -> None:
    maps = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(unit_maps(maps * 0.01), unit_maps(maps))
