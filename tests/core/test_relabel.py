from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.relabel import Probabilities, draft_objects, find_objects
from napari_selfreg.core.types import Box, PixelSize, PostProcessing

SIZE = PixelSize(0.5, 0.5)
SETTINGS = PostProcessing(threshold=0.5, min_area_um2=4.0, max_hole_um2=2.0, separation=0.5)


def clouds(rows: int, columns: int, channels: int = 2) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(channels, rows, columns))
    smooth = np.stack([ndimage.gaussian_filter(plane, 6) for plane in noise])
    values = 0.5 + smooth / np.abs(smooth).max() / 2
    values[-1] *= 0.5 if channels > 1 else 1
    return values.astype(np.float32)


def test_objects_are_those_of_the_engine() -> None:
    values = clouds(120, 160)
    expected = label_objects(values[0], values[1], SETTINGS, SIZE)
    np.testing.assert_array_equal(find_objects(Probabilities(values, 1, SIZE), SETTINGS), expected)


def test_a_model_without_contour_and_with_several_classes() -> None:
    values = clouds(80, 80, 3) / 3
    expected = label_objects(values.sum(axis=0), None, SETTINGS, SIZE)
    np.testing.assert_array_equal(find_objects(Probabilities(values, 3, SIZE), SETTINGS), expected)


def test_half_precision_gives_nearly_the_same_objects() -> None:
    values = clouds(120, 160)
    exact = find_objects(Probabilities(values, 1, SIZE), SETTINGS)
    half = find_objects(Probabilities(values.astype(np.float16), 1, SIZE), SETTINGS)
    assert exact.max() == half.max()
    assert np.mean((exact > 0) != (half > 0)) < 2e-3


class TestDraft:
    found = Probabilities(clouds(300, 400), 1, SIZE)

    def test_a_small_window_shows_what_the_whole_shows(self) -> None:
        window = Box(100, 120, 180, 260)
        draft = draft_objects(self.found, SETTINGS, window)
        assert (draft.box, draft.step) == (window, 1)
        whole = find_objects(self.found, SETTINGS)[window.slices]
        assert draft.labels.shape == whole.shape
        assert np.mean((draft.labels > 0) == (whole > 0)) > 0.99

    @pytest.mark.parametrize("window", [Box(0, 0, 300, 400), Box(7, 13, 291, 389)])
    def test_a_large_window_is_thinned_out(self, window: Box) -> None:
        draft = draft_objects(self.found, SETTINGS, window, most_pixels=10_000)
        assert draft.step == 4
        assert draft.labels.shape == tuple(-(-side // 4) for side in window.shape)
        whole = find_objects(self.found, SETTINGS)[window.slices][::4, ::4]
        assert np.mean((draft.labels > 0) == (whole > 0)) > 0.97

    def test_a_window_that_reaches_beyond_is_cut(self) -> None:
        draft = draft_objects(self.found, SETTINGS, Box(-50, -50, 40, 1000))
        assert draft.box == Box(0, 0, 40, 400)
        assert draft.labels.shape == (40, 400)

    def test_an_object_at_the_rim_keeps_its_size(self) -> None:
        values = np.zeros((1, 100, 100), np.float32)
        values[0, 40:60, 40:60] = 1
        only_large = PostProcessing(min_area_um2=400 * SIZE.area_um2, separation=0)
        found = Probabilities(values, 1, SIZE)
        assert draft_objects(found, only_large, Box(55, 0, 100, 100)).labels.any()
