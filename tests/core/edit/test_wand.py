"""The wand against a plain flood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_selfreg.core.edit import Edit, grow_probable, grow_similar
from napari_selfreg.core.edit.change import whole
from napari_selfreg.core.stain import od_from_rgb
from napari_selfreg.core.types import Box
from tests.core.edit.brute import LABELS, Labels, edited, flood, picture, without_holes

LIGHT, DARK = 230, 90


def expected(labels: Labels, similar: np.ndarray, start: tuple[int, int]) -> Labels:
    """Flood similar background and the own object, then fill what is enclosed."""
    target = int(labels[start])
    own = (labels == target) if target else np.zeros(labels.shape, dtype=bool)
    area = np.zeros(labels.shape, dtype=bool)
    for place in flood((similar & (labels == 0)) | own, [start]):
        area[place] = True
    value = target or int(labels.max()) + 1
    return np.where(without_holes(area) & (labels == 0), value, labels)


@given(LABELS, st.integers(0, 99), st.sampled_from([0.0, 0.2, 0.5]), st.data())
def test_probable_areas_are_those_of_a_flood(
    labels: Labels, seed: int, tolerance: float, data: st.DataObject
) -> None:
    probability = np.random.default_rng(seed).random(labels.shape)
    start = tuple(data.draw(st.integers(0, side - 1)) for side in labels.shape)
    similar = probability >= probability[start] - tolerance
    after = edited(
        labels, lambda: grow_probable(labels, probability, whole(labels), start, tolerance)
    )
    np.testing.assert_array_equal(after, expected(labels, similar, start))


@given(LABELS, st.integers(0, 99), st.data())
def test_similar_areas_are_those_of_a_flood(labels: Labels, seed: int, data: st.DataObject) -> None:
    dark = np.random.default_rng(seed).random(labels.shape) < 0.6
    rgb = np.repeat(np.where(dark, DARK, LIGHT).astype(np.uint8)[..., None], 3, axis=-1)
    start = tuple(data.draw(st.integers(0, side - 1)) for side in labels.shape)
    after = edited(labels, lambda: grow_similar(labels, rgb, whole(labels), start, 0.1, smooth=0))
    np.testing.assert_array_equal(after, expected(labels, dark == dark[start], start))


@pytest.mark.parametrize("tolerance", [0.02, 0.1, 0.3])
def test_all_channels_count_after_smoothing(tolerance: float) -> None:
    rng = np.random.default_rng(0)
    rgb = ndimage.gaussian_filter(rng.integers(0, 255, (40, 50, 3)).astype(float), (3, 3, 0))
    rgb = np.interp(rgb, (rgb.min(), rgb.max()), (60, 240)).astype(np.uint8)
    density = ndimage.gaussian_filter(od_from_rgb(rgb), (1.5, 1.5, 0), mode="nearest", truncate=3)
    similar = np.linalg.norm(density - density[20, 30], axis=-1) <= tolerance
    labels = np.zeros(rgb.shape[:2], np.int32)
    after = edited(labels, lambda: grow_similar(labels, rgb, whole(labels), (20, 30), tolerance))
    np.testing.assert_array_equal(after, expected(labels, similar, (20, 30)))
    assert 0 < after.sum() < after.size


def test_only_the_box_changes_and_the_picture_is_that_of_the_box() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[0, 0] = 4
    box = Box(5, 6, 15, 18)
    gray = np.full(box.shape, DARK, np.uint8)
    gray[:, 8:] = LIGHT
    after = edited(labels, lambda: grow_similar(labels, gray, box, (10, 7), smooth=0))
    assert (after[5:15, 6:14] == 5).all()
    assert (after > 0).sum() == 81


@pytest.mark.parametrize(("smooth", "found"), [(0.0, 1), (1.5, 900)])
def test_smoothing_forgives_a_single_pixel(smooth: float, found: int) -> None:
    labels = np.zeros((30, 30), np.int32)
    noisy = np.full((30, 30, 3), DARK, np.uint8)
    noisy[15, 14] += 40
    after = edited(
        labels, lambda: grow_similar(labels, noisy, whole(labels), (15, 14), 0.09, smooth=smooth)
    )
    assert (after > 0).sum() == found


def test_starting_inside_extends_and_never_takes_from_others() -> None:
    labels = picture("1.2 ... 333")
    probability = np.ones(labels.shape)
    after = edited(labels, lambda: grow_probable(labels, probability, whole(labels), (0, 0)))
    assert after.tolist() == picture("112 111 333").tolist()


def test_unknown_probability_is_not_taken() -> None:
    labels = np.zeros((3, 3), np.int32)
    probability = np.full((3, 3), np.nan)
    probability[0] = 0.7
    box = whole(labels)
    assert not grow_probable(labels, probability, box, (2, 1))
    after = edited(labels, lambda: grow_probable(labels, probability, box, (0, 1), new_id=9))
    assert after.tolist() == picture("999 ... ...").tolist()


@pytest.mark.parametrize("start", [(-1, 0), (0, 4), (3, 3), (1.6, 0)])
def test_a_click_beside_the_box_changes_nothing(start: tuple[float, float]) -> None:
    labels = np.zeros((4, 4), np.int32)
    box = Box(0, 0, 2, 4)
    changes: list[Edit] = [
        grow_probable(labels, np.ones(box.shape), box, start),
        grow_similar(labels, np.ones((*box.shape, 3), np.uint8), box, start),
    ]
    assert not any(changes)


def test_a_patch_must_fill_its_box() -> None:
    labels = np.zeros((4, 4), np.int32)
    with pytest.raises(ValueError, match="does not fill"):
        grow_probable(labels, np.ones((3, 4)), whole(labels), (0, 0))
    with pytest.raises(ValueError, match="does not fill"):
        grow_similar(labels, np.ones((4, 5, 3), np.uint8), whole(labels), (0, 0))
