from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.channels import (
    channel_similarity,
    cluster_order,
    halves,
    ifd_order,
    spread_keys,
)
from napari_selfreg.core.moments import moments

shapes = st.tuples(st.integers(1, 7), st.integers(2, 6), st.integers(2, 6))


def maps_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 1, shape)


def test_known_vectors_have_their_angles() -> None:
    maps = np.array([[[1, 0]], [[1, 1]], [[0, 3]], [[-2, 0]]], np.float16)
    root = np.sqrt(0.5)
    wanted = [[1, root, 0, -1], [root, 1, root, -root], [0, root, 1, 0], [-1, -root, 0, 1]]
    found = channel_similarity(maps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-7)


@given(shapes)
def test_centred_is_pearsons(shape: tuple[int, int, int]) -> None:
    maps = maps_of(shape)
    wanted = np.atleast_2d(np.corrcoef(maps.reshape(len(maps), -1)))
    np.testing.assert_allclose(channel_similarity(maps, centred=True), wanted, atol=1e-6)


@given(shapes, st.floats(1e-3, 1e3))
def test_a_factor_changes_nothing(shape: tuple[int, int, int], factor: float) -> None:
    maps = maps_of(shape)
    found = channel_similarity(maps)
    np.testing.assert_allclose(channel_similarity(maps * factor), found, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)


def test_dead_and_flat_channels_are_like_none() -> None:
    maps = maps_of((3, 4, 4))
    maps[0], maps[1] = 0, 7.3
    assert not channel_similarity(maps)[0].any()
    assert channel_similarity(maps)[1, 1] == pytest.approx(1)
    assert not channel_similarity(maps, centred=True)[:2].any()


def test_order_of_ifd_is_by_spread_and_stable() -> None:
    even, half, point = np.ones((2, 2)), np.array([[9, 9], [0, 0]]), np.array([[0, 0], [0, 5]])
    maps = np.stack([point, np.zeros((2, 2)), half, even, 100 * point])
    assert ifd_order(maps).tolist() == [3, 2, 0, 4, 1]
    wanted = [1 / 4, 0, 2 / np.sqrt(2) / 4, 1 / 2, 1 / 4]
    np.testing.assert_allclose(spread_keys(moments(maps)), wanted)


def test_clusters_become_neighbours() -> None:
    base = maps_of((2, 6, 6), seed=1)
    members = [0, 1, 0, 1, 0]
    maps = np.stack([base[i] for i in members]) + 0.01 * maps_of((5, 6, 6), seed=2)
    groups = [members[i] for i in cluster_order(channel_similarity(maps))]
    assert groups in ([0, 0, 0, 1, 1], [1, 1, 0, 0, 0])


@given(st.integers(1, 9))
def test_every_order_holds_each_channel_once(channels: int) -> None:
    maps = maps_of((channels, 3, 3))
    for order in (ifd_order(maps), cluster_order(channel_similarity(maps))):
        assert sorted(order.tolist()) == list(range(channels))


def test_halves_leave_out_the_last_of_an_odd_number() -> None:
    similarity = np.arange(25, dtype=np.float32).reshape(5, 5)
    shallow, deep = halves(similarity, np.array([4, 0, 3, 1, 2]))
    assert shallow.tolist() == [[24, 20], [4, 0]]
    assert deep.tolist() == [[18, 16], [8, 6]]
    assert halves(similarity[:1, :1], np.array([0]))[0].shape == (0, 0)
