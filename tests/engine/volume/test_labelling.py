"""The likeliest class of every voxel."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.engine.volume.labelling import to_labels


@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 100))
def test_labels_are_the_argmax_with_background(classes, depth, seed):
    everything = np.random.default_rng(seed).dirichlet(np.ones(classes + 1), (depth, 2, 3))
    probability = np.moveaxis(everything, -1, 0)[1:].astype(np.float32)
    labels = to_labels(probability, classes)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, everything.argmax(axis=-1))


def test_of_equals_the_lowest_counts_and_a_contour_does_not():
    probability = np.array([0.5, 0.25, 0.9], np.float32).reshape(3, 1, 1, 1)
    assert to_labels(probability[:1], 1) == 0
    assert to_labels(probability, 2) == 1
    same = np.full((2, 1, 1, 1), 0.4, np.float32)
    assert to_labels(same, 2) == 1
