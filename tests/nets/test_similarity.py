"""Likeness of channels, and maps of unit size: against numpy, and what cannot change them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.channels import channel_similarity as core_similarity
from napari_selfreg.nets.normalize import unit_maps
from napari_selfreg.nets.precision import wide_type, without_autocast
from napari_selfreg.nets.similarity import (
    channel_similarity,
    off_diagonal_mean,
)

shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))


def maps_of(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(shapes)
def test_correlations_are_numpys(shape: tuple[int, ...]) -> None:
    maps = maps_of((*shape[:3], shape[3] + 2)).double()
    found = channel_similarity(maps, centred=True)
    for sample, matrix in zip(maps, found, strict=True):
        wanted = np.atleast_2d(np.corrcoef(sample.flatten(1).numpy()))
        np.testing.assert_allclose(matrix.numpy(), wanted, atol=1e-9)


@given(shapes, st.floats(1e-3, 1e3))
def test_likeness_has_no_unit_and_lies_within_one(shape: tuple[int, ...], scale: float) -> None:
    maps = maps_of(shape) + 0.5
    found = channel_similarity(maps)
    torch.testing.assert_close(channel_similarity(maps * scale), found, atol=1e-4, rtol=1e-4)
    assert found.abs().max() <= 1 + 1e-5
    torch.testing.assert_close(found, found.transpose(1, 2))
    assert torch.all((found.diagonal(dim1=1, dim2=2) - 1).abs() < 1e-4)


def test_a_dead_channel_is_like_no_other_and_gives_no_nan() -> None:
    maps = maps_of((2, 3, 4, 4))
    maps[:, 1] = 0
    maps.requires_grad_()
    found = channel_similarity(maps)
    assert not found[:, 1].any()
    off_diagonal_mean(found.square()).backward()
    assert torch.isfinite(maps.grad).all()


@pytest.mark.parametrize("side", [31, 256])
def test_constant_channels_are_like_no_other_without_their_mean(side: int) -> None:
    maps = maps_of((2, 5, side, side + 2))
    for channel, value in enumerate((1000.1, 7.7, -0.3)):
        maps[:, channel] = value
    maps.requires_grad_()
    found = channel_similarity(maps, centred=True)
    assert not found[:, :3].any()
    assert not found[:, :, :3].any()
    torch.testing.assert_close(found[:, 3:, 3:].diagonal(dim1=1, dim2=2), torch.ones(2, 2))
    np.testing.assert_allclose(found[0].detach(), core_similarity(maps[0].detach().numpy(), True),
                               atol=1e-5)  # fmt: skip
    off_diagonal_mean(found.square()).backward()
    assert torch.isfinite(maps.grad).all()
    assert not maps.grad[:, :3].any()
    assert maps.grad[:, 3:].any()


def test_a_faint_pattern_on_a_high_level_is_contrast() -> None:
    maps = 1000 + maps_of((1, 2, 64, 64)) * 0.1
    maps[:, 1] = maps[:, 0]
    assert channel_similarity(maps, centred=True)[0, 0, 1].item() == pytest.approx(1, abs=1e-4)


def test_what_is_not_a_number_stays_seen() -> None:
    maps = maps_of((1, 2, 4, 4))
    maps[0, 0, 0, 0] = torch.nan
    assert channel_similarity(maps, centred=True)[0, 0, 1].isnan()


def test_equal_channels_are_entirely_alike_and_one_alone_is_like_none() -> None:
    maps = maps_of((2, 1, 4, 5)).expand(2, 4, 4, 5)
    assert off_diagonal_mean(channel_similarity(maps)).item() == pytest.approx(1, abs=1e-5)
    assert off_diagonal_mean(channel_similarity(-maps)).item() == pytest.approx(1, abs=1e-5)
    assert off_diagonal_mean(channel_similarity(maps[:, :1])).item() == 0.0


def test_half_precision_is_computed_in_single_also_under_autocast() -> None:
    maps = maps_of((1, 4, 9, 9)).bfloat16()
    plain = channel_similarity(maps)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(channel_similarity(maps), plain)
        with without_autocast(maps.device):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert plain.dtype == torch.float32
    assert wide_type(torch.float64) == torch.float64
    assert wide_type(torch.float16) == torch.float32


def test_an_unknown_device_needs_no_autocast() -> None:
    with without_autocast(torch.device("meta")):
        assert torch.zeros(1, device="meta").device.type == "meta"


@given(shapes, st.floats(1e-3, 1e3))
def test_unit_maps_have_a_root_mean_square_of_one(shape: tuple[int, ...], scale: float) -> None:
    maps = maps_of(shape)
    scaled = unit_maps(maps)
    assert scaled.shape == maps.shape
    torch.testing.assert_close(
        scaled.square().mean((2, 3)), torch.ones(shape[:2]), atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(unit_maps(maps * scale), scaled, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(unit_maps(scaled), scaled, atol=1e-5, rtol=1e-5)


def test_zero_maps_and_volumes_have_unit_maps_too() -> None:
    maps = torch.zeros(1, 2, 3, 4, 5, requires_grad=True)
    scaled = unit_maps(maps)
    scaled.sum().backward()
    assert not scaled.any()
    assert torch.isfinite(maps.grad).all()
