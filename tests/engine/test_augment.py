"""Augmentation: identity, geometry by hand, ranges, and draws that depend on the generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.engine.augment import random_affine, random_optics, random_stain, warp
from napari_selfreg.engine.recipe import AugmentSection

NONE = AugmentSection(
    scale=0,
    rotation=0,
    stain_gain=0,
    stain_offset=0,
    gamma=0,
    blur_probability=0,
    noise_probability=0,
)
IDENTITY = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])


def test_identity_cuts_the_centre() -> None:
    picture = torch.arange(100.0).reshape(1, 1, 10, 10)
    torch.testing.assert_close(warp(picture, IDENTITY, 6, "bilinear"), picture[:, :, 2:8, 2:8])


def test_a_quarter_turn_equals_rot90() -> None:
    picture = torch.arange(64.0).reshape(1, 1, 8, 8)
    turn = torch.tensor([[[0.0, -1, 0], [1, 0, 0]]])
    turned = warp(picture, turn, 8, "nearest")
    assert any(torch.equal(turned, torch.rot90(picture, k, (2, 3))) for k in (1, 3))


def test_zoom_two_doubles_sizes() -> None:
    picture = torch.zeros(1, 1, 32, 32)
    picture[:, :, 12:20, 12:20] = 1
    zoomed = warp(picture, IDENTITY * 0.5, 32, "nearest")
    assert zoomed.sum().item() == pytest.approx(4 * picture.sum().item())


@given(st.integers(0, 1000))
def test_crops_never_reach_beyond_their_window(seed: int) -> None:
    matrix, reach = random_affine(np.random.default_rng(seed), AugmentSection())
    corners = np.array([[-1, -1, 1, 1], [-1, 1, -1, 1]])
    assert np.abs(matrix[:, :2] @ corners).max() <= reach + 1e-6


@given(st.integers(0, 1000))
def test_zoom_stays_in_its_range(seed: int) -> None:
    matrix, _ = random_affine(np.random.default_rng(seed), AugmentSection(scale=0.25))
    zoom = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    assert 1 / 1.2501 <= zoom <= 1.2501


def test_nothing_asked_nothing_changed() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(1, 255, (6, 6, 3)).astype(np.uint8)
    assert np.abs(random_stain(rgb, rng, NONE).astype(int) - rgb).max() <= 1
    picture = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(random_optics(picture, rng, NONE), picture)


def test_optics_depend_on_the_generator_alone_and_stay_in_range() -> None:
    picture = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    strong = AugmentSection(blur_probability=1, noise_probability=1)
    first, second, other = (
        random_optics(picture, np.random.default_rng(seed), strong) for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1
