"""Eight views of a window."""

from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.types import Box
from napari_selfreg.engine.tta import VIEWS, AugmentedForward, turn, turn_back, turn_box

WINDOW = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
CROP = Box(1, 2, 4, 8)


def test_there_are_eight_different_views():
    square = WINDOW[:6, :6]
    assert len({turn(square, view).tobytes() for view in VIEWS}) == 8


@pytest.mark.parametrize("view", VIEWS)
def test_a_crop_follows_its_pixels_there_and_back(view):
    turned = turn(WINDOW, view)
    box = turn_box(CROP, WINDOW.shape[:2], view)
    np.testing.assert_array_equal(turned[box.slices], turn(WINDOW[CROP.slices], view))
    channels = np.moveaxis(turned[box.slices], -1, 0).astype(np.float32)
    back = np.moveaxis(turn_back(channels, view), 0, -1)
    np.testing.assert_array_equal(back, WINDOW[CROP.slices])


def test_the_mean_of_a_network_that_minds_no_turns_is_its_own_answer():
    def forward(windows, crops):
        return [
            np.moveaxis(w[c.slices], -1, 0).astype(np.float32)
            for w, c in zip(windows, crops, strict=True)
        ]

    (mean,) = AugmentedForward(forward)([WINDOW], [CROP])
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, forward([WINDOW], [CROP])[0], rtol=1e-6)


def test_windows_that_must_not_be_turned_keep_their_shape():
    shapes = []

    def forward(windows, crops):
        shapes.extend(window.shape for window in windows)
        return [np.zeros((1, *crop.shape), np.float32) for crop in crops]

    AugmentedForward(forward, turns=False)([WINDOW], [CROP])
    assert shapes == [WINDOW.shape] * 4
