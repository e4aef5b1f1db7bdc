"""Windows blended into one map."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.data.utils import compute_importance_map

from napari_selfreg.core.types import Box
from napari_selfreg.engine.blend import SIGMA, BlendedSum, window_weights

sides = st.integers(1, 24)


def window(box: Box, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((2, *box.shape), dtype=np.float32)


@given(sides, sides)
def test_weights_are_even_positive_and_largest_in_the_middle(height: int, width: int) -> None:
    weights = window_weights((height, width))
    assert weights.dtype == np.float32
    assert weights.min() > 0
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-5)
    assert weights.max() == weights[height // 2, width // 2] <= 1
    assert (np.diff(weights[height // 2, : (width + 1) // 2]) >= 0).all()


def test_weights_are_those_of_monais_inferer_for_odd_windows() -> None:
    theirs = compute_importance_map((33, 17), mode="gaussian", sigma_scale=SIGMA).numpy()
    ours = window_weights((33, 17))
    strong = ours > 0.01
    np.testing.assert_allclose(ours[strong], (theirs / theirs.max())[strong], rtol=1e-3)


def test_one_window_is_itself() -> None:
    box = Box(3, 5, 20, 40)
    blended = BlendedSum(2, box)
    blended.add(window(box), box)
    np.testing.assert_allclose(blended.mean(box), window(box), rtol=1e-5)
    part = Box(4, 6, 5, 9)
    np.testing.assert_array_equal(blended.mean(part), blended.mean(box)[:, 1:2, 1:4])


@given(st.permutations(range(4)))
def test_the_order_of_windows_does_not_matter(order: list[int]) -> None:
    places = [Box(y, x, y + 12, x + 12) for y, x in itertools.product((0, 6), (0, 8))]
    whole = Box(0, 0, 18, 20)
    in_turn, mixed = BlendedSum(2, whole), BlendedSum(2, whole)
    for at in range(4):
        in_turn.add(window(places[at], at), places[at])
        mixed.add(window(places[order[at]], order[at]), places[order[at]])
    np.testing.assert_allclose(mixed.mean(whole), in_turn.mean(whole), rtol=1e-5)


def test_windows_that_agree_are_not_changed_and_others_are_averaged() -> None:
    picture = np.random.default_rng(0).random((2, 16, 30), dtype=np.float32)
    left, right, whole = Box(0, 0, 16, 20), Box(0, 10, 16, 30), Box(0, 0, 16, 30)
    agreeing, differing = BlendedSum(2, whole), BlendedSum(2, whole)
    for box, shift in ((left, 0.0), (right, 1.0)):
        rows, columns = box.slices
        agreeing.add(picture[:, rows, columns], box)
        differing.add(picture[:, rows, columns] + np.float32(shift), box)
    np.testing.assert_allclose(agreeing.mean(whole), picture, rtol=1e-5)
    raised = differing.mean(whole) - picture
    np.testing.assert_allclose(raised[..., :10], 0, atol=1e-5)
    np.testing.assert_allclose(raised[..., 20:], 1, atol=1e-5)
    # Between them the share of the right window grows from left to right, halfway in the middle.
    assert (np.diff(raised[0, 8, 10:20]) > 0).all()
    assert raised[0, 8, 14:16].mean() == pytest.approx(0.5, abs=1e-4)


def test_only_the_box_is_kept_and_what_lies_outside_is_passed_over() -> None:
    box, across, beyond = Box(10, 10, 20, 20), Box(5, 5, 15, 15), Box(30, 0, 40, 10)
    blended = BlendedSum(2, box)
    blended.add(window(beyond), beyond)
    assert not blended.mean(box).any()
    blended.add(window(across), across)
    found = blended.mean(box)
    np.testing.assert_allclose(found[:, :5, :5], window(across)[:, 5:, 5:], rtol=1e-5)
    assert not found[:, 5:].any()
    assert np.isfinite(found).all()


def test_a_window_across_the_edge_weighs_what_it_does_inside() -> None:
    whole, kept = Box(0, 0, 24, 24), Box(6, 4, 20, 18)
    everything, part = BlendedSum(2, whole), BlendedSum(2, kept)
    for seed, box in enumerate([Box(0, 0, 12, 16), Box(8, 0, 20, 16), Box(4, 8, 24, 24)]):
        everything.add(window(box, seed), box)
        part.add(window(box, seed), box)
    np.testing.assert_allclose(part.mean(kept), everything.mean(kept), rtol=1e-5)
