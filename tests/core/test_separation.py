"""Touching objects are cut where a ridge or a neck is real, and nothing is lost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import disk

from napari_selfreg.core.bands import object_bands
from napari_selfreg.core.separation import connected, cut_at_necks, cut_at_ridges
from napari_selfreg.core.types import PixelSize

Planes = npt.NDArray[np.float32]
ONE = PixelSize.isotropic(1.0)


def discs(*centres: tuple[int, int], radius: int = 14) -> npt.NDArray[np.bool_]:
    mask = np.zeros((60, 100), bool)
    for centre in centres:
        mask[disk(centre, radius, shape=mask.shape)] = True
    return mask


def count(labels: npt.NDArray[np.int32]) -> int:
    return np.unique(labels[labels > 0]).size


def smooth_noise(seed: int, sigma: float) -> Planes:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((40, 50)), sigma)
    return (0.5 + 0.3 * noise / noise.std()).clip(0, 1).astype(np.float32)


def test_a_round_object_is_never_cut_at_a_neck() -> None:
    for radius in (3, 9, 25):
        for separation in (0.1, 0.5, 1.0):
            assert count(cut_at_necks(discs((30, 50), radius=radius), separation, ONE)) == 1


def test_a_thin_neck_is_cut_before_a_wide_one() -> None:
    thin, wide = discs((30, 25), (30, 52)), discs((30, 25), (30, 45))
    assert [count(cut_at_necks(thin, s, ONE)) for s in (0.05, 0.5, 1.0)] == [1, 2, 2]
    assert [count(cut_at_necks(wide, s, ONE)) for s in (0.05, 0.5, 1.0)] == [1, 1, 2]


def test_necks_are_measured_in_the_tissue_not_in_pixels() -> None:
    mask = discs((30, 25), (30, 52))
    stretched = np.repeat(mask, 3, axis=1)
    found = cut_at_necks(stretched, 0.5, PixelSize(3.0, 1.0))
    assert count(found) == count(cut_at_necks(mask, 0.5, ONE)) == 2


def test_weak_foreground_between_two_objects_is_a_ridge_too() -> None:
    foreground = ndimage.gaussian_filter(discs((30, 25), (30, 51)).astype(np.float32), 1.0)
    foreground[:, 37:39] = np.minimum(foreground[:, 37:39], 0.55)
    mask, silent = foreground >= 0.5, np.zeros_like(foreground)
    assert count(cut_at_ridges(mask, foreground, silent, 0.7)) == 2
    assert count(cut_at_ridges(mask, foreground, silent, 0.1)) == 1


def test_noise_in_the_contour_does_not_cut() -> None:
    mask = discs((30, 50), radius=20)
    contour = np.random.default_rng(0).uniform(0, 0.4, mask.shape).astype(np.float32)
    contour[30, 60] = 1.0
    assert count(cut_at_ridges(mask, mask.astype(np.float32), contour, 0.5)) == 1


def test_a_ridge_must_reach_across() -> None:
    mask = discs((30, 50), radius=20)
    contour = np.zeros(mask.shape, np.float32)
    contour[:36, 49:52] = 1.0
    foreground = mask.astype(np.float32)
    assert count(cut_at_ridges(mask, foreground, contour, 0.5)) == 1
    contour[:, 49:52] = 1.0
    assert count(cut_at_ridges(mask, foreground, contour, 0.5)) == 2


def test_parts_that_touch_at_a_corner_are_two() -> None:
    assert connected(np.eye(3, dtype=bool)).max() == 3


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.sampled_from([0.05, 0.5, 1.0]),
    st.booleans(),
)
def test_objects_are_connected_and_together_the_mask(
    seed: int, sigma: float, separation: float, ridges: bool
) -> None:
    foreground = smooth_noise(seed, sigma)
    mask = foreground >= 0.5
    if ridges:
        found = cut_at_ridges(mask, foreground, smooth_noise(seed + 1, sigma), separation)
    else:
        found = cut_at_necks(mask, separation, ONE)
    np.testing.assert_array_equal(found > 0, mask)
    for label in np.unique(found[mask]):
        assert ndimage.label(found == label)[1] == 1


def test_bands_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a contour depths are whole numbers, and ties may fall otherwise.
    maps = [(smooth_noise(seed, 1.0), smooth_noise(seed + 50, 1.0)) for seed in range(6)]
    whole = [cut_at_ridges(a >= 0.5, a, b, 0.5) for a, b in maps]
    monkeypatch.setattr(
        "napari_selfreg.core.separation.object_bands", lambda parts: object_bands(parts, 100)
    )
    for (a, b), expected in zip(maps, whole, strict=True):
        banded = cut_at_ridges(a >= 0.5, a, b, 0.5)
        pairs = np.unique(np.stack([banded.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == count(expected) + 1 == count(banded) + 1  # one to one
