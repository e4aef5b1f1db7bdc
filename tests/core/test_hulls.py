"""Pixels of convex hulls, counted exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial import ConvexHull

from napari_selfreg.core.hulls import hull_pixels
from napari_selfreg.core.runs import find_runs

Labels = npt.NDArray[np.int32]


def count(labels: Labels) -> list[int]:
    runs = find_runs(labels)
    ids, position = np.unique(runs.label, return_inverse=True)
    return hull_pixels(runs, position, ids.size).tolist()


def by_qhull(mask: npt.NDArray[np.bool_]) -> int:
    """Count with floats: the pixels inside the hull of the middles of all edges."""
    y, x = np.nonzero(mask)
    middles = np.concatenate(
        [np.stack([y + dy, x + dx], 1) for dy, dx in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))]
    )
    plane = ConvexHull(middles).equations
    grid = np.stack(np.indices(mask.shape), -1).reshape(-1, 2)
    return int((grid @ plane[:, :2].T + plane[:, 2] <= 1e-9).all(axis=1).sum())


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("1", 1),
        ("11111", 5),
        ("1 1 1", 3),
        ("100 010 001", 3),  # a diagonal: the hull is too thin for a fourth pixel
        ("111 101 111", 9),
        ("101 000 101", 9),
        ("1000 0000 0000 1001", 10),  # half a square
    ],
)
def test_by_hand(text: str, pixels: int) -> None:
    assert count(np.array([[int(c) for c in row] for row in text.split()])) == [pixels]


@settings(deadline=None, max_examples=200)
@given(
    arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=10), elements=st.integers(0, 2))
)
def test_agrees_with_qhull(labels: Labels) -> None:
    ids = np.unique(labels[labels > 0])
    assert count(labels) == [by_qhull(labels == label) for label in ids]


def test_a_slow_corner_case_ends() -> None:
    # A parabola with a far last point: each pass can drop but one point.
    rows = np.arange(60)
    labels = np.zeros((61, 3700), np.int32)
    for row in rows:
        labels[row, row * row : 3600] = 1
    labels[60, 0:3600] = 1
    assert count(labels) == [by_qhull(labels > 0)]
