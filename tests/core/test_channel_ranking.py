from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_selfreg.core.channel_ranking import rank_channels

MAPS = np.array([[[0.0, 0.0]], [[4.0, 4.0]], [[-3.0, -3.0]]], np.float16)


def test_the_strongest_comes_first_whatever_its_sign() -> None:
    assert rank_channels(MAPS, "activation").tolist() == [1, 2, 0]


def test_importance_counts_with_its_sign() -> None:
    importance = np.array([0.5, -2.0, 1.0], np.float32)
    assert rank_channels(MAPS, "importance", importance).tolist() == [2, 0, 1]


def test_without_importance_the_order_is_that_of_the_activation() -> None:
    assert rank_channels(MAPS, "importance").tolist() == [1, 2, 0]


def test_channels_that_are_alike_stand_together() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 8, 8))
    maps = np.stack([one, other, 2 * one, 3 * other])
    order = rank_channels(maps, "similarity").tolist()
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset((0, 2)), frozenset((1, 3))}


@given(
    arrays(np.float16, st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))),
    st.sampled_from(["activation", "importance"]),
)
def test_every_channel_comes_once(maps: np.ndarray, by: str) -> None:
    maps = np.nan_to_num(maps, posinf=1, neginf=-1)
    assert sorted(rank_channels(maps, by)) == list(range(len(maps)))
