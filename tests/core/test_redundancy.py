from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.channels import channel_similarity
from napari_selfreg.core.redundancy import (
    BlockNumbers,
    block_numbers,
    dead_channels,
    effective_rank,
    ifd_value,
    mean_similarity,
)


def orthogonal(count: int, pixels: int, seed: int = 0) -> np.ndarray:
    """Return orthonormal channels (count, 1, pixels)."""
    rows = np.random.default_rng(seed).normal(size=(pixels, count))
    return np.linalg.qr(rows)[0].T[:, None]


@given(st.integers(1, 6), st.integers(1, 4))
def test_k_directions_however_often_repeated_have_rank_k(rank: int, repeats: int) -> None:
    maps = np.concatenate([orthogonal(rank, 12)] * repeats)
    assert effective_rank(maps) == pytest.approx(rank, rel=1e-6)


def test_rank_weighs_by_strength() -> None:
    maps = orthogonal(2, 9) * np.array([3.0, 1.0])[:, None, None]
    shares = 0.75, 0.25
    wanted = math.exp(-sum(share * math.log(share) for share in shares))
    assert effective_rank(maps) == pytest.approx(wanted)


@given(st.integers(1, 6), st.integers(0, 5))
def test_rank_is_that_of_the_singular_values(channels: int, seed: int) -> None:
    maps = np.random.default_rng(seed).normal(size=(channels, 4, 5))
    singular = np.linalg.svd(maps.reshape(channels, -1), compute_uv=False)
    shares = singular / singular.sum()
    assert effective_rank(maps) == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))


def test_nothing_has_rank_zero_and_is_dead() -> None:
    maps = np.zeros((3, 4, 4), np.float16)
    assert effective_rank(maps) == 0
    assert dead_channels(maps) == 3
    maps[1, 2, 2] = 0.25
    assert dead_channels(maps) == 2
    assert effective_rank(maps) == pytest.approx(1)


def test_mean_similarity_leaves_out_the_diagonal() -> None:
    assert mean_similarity(np.array([[1, 0.5], [0.25, 1]], np.float32)) == pytest.approx(0.375)
    assert mean_similarity(np.ones((1, 1), np.float32)) == 0


def test_equal_halves_have_no_ifd_and_known_ones_have_theirs() -> None:
    # keys: constant, constant, point, point: ranks 0, 1 against 2, 3
    even, point = np.ones((2, 2)), np.array([[2.0, 0], [0, 0]])
    assert ifd_value(np.stack([even, point, even, point])) == pytest.approx(1.0)
    assert ifd_value(np.stack([even, even, even])) == pytest.approx(0, abs=1e-12)
    assert ifd_value(even[None]) == 0


def test_the_numbers_of_a_block_are_those_of_its_parts() -> None:
    maps = np.random.default_rng(0).normal(0.3, 1, (6, 5, 4)).clip(0)
    maps[2] = 0
    assert block_numbers("B", maps, 0.25, 0.5) == BlockNumbers(
        block="B",
        channels=6,
        similarity=mean_similarity(channel_similarity(maps)),
        similarity_centred=mean_similarity(channel_similarity(maps, centred=True)),
        effective_rank=effective_rank(maps),
        dead=1,
        scr_distance=0.25,
        ifd=ifd_value(maps),
        attention_overlap=0.5,
    )
