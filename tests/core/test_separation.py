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
from napari_selfreg.core.objects import number_objects
from napari_selfreg.core.separation import (
    REACH,
    connected,
    cut_at_necks,
    cut_at_ridges,
    separate,
)
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
    maps = [(smooth_noise(seed, 1.5), smooth_noise(seed + 50, 1.5)) for seed in range(8)]
    planes = [(a >= 0.5, (a >= 0.5).astype(np.float32), (b >= 0.7) * b) for a, b in maps]

    def cut_all() -> list[npt.NDArray[np.int32]]:
        cuts = [cut_at_ridges(mask, a, b, 1.0) for mask, a, b in planes]
        return cuts + [cut_at_necks(mask, 1.0, PixelSize(1.0, 1.21)) for mask, _, _ in planes]

    whole = cut_all()
    monkeypatch.setattr(
        "napari_selfreg.core.separation.object_bands", lambda parts: object_bands(parts, 100)
    )
    for banded, expected in zip(cut_all(), whole, strict=True):
        np.testing.assert_array_equal(number_objects(banded), number_objects(expected))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.7, 1.0, 2.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([1.0, 1.21, 0.3]),
    st.booleans(),
)
def test_a_part_is_cut_as_if_it_were_alone(
    seed: int, sigma: float, separation: float, ratio: float, ridges: bool
) -> None:
    """Also where depths are equal: what is flooded first depends on nothing outside the part."""
    foreground = smooth_noise(seed, sigma)
    mask, size = foreground >= 0.5, PixelSize(1.0, ratio)
    contour = np.where(smooth_noise(seed + 1, sigma) > 0.7, np.float32(1), 0) if ridges else None
    whole = separate(mask, foreground, contour, separation, size)
    parts = connected(mask)
    sizes = np.bincount(parts.ravel())[1:]
    for part in np.argsort(sizes)[-8:] + 1:  # the largest have most to cut
        inside = np.flatnonzero((parts == part).any(axis=1))
        top = max(0, int(inside[0]) - REACH)
        rows = slice(top, int(inside[-1]) + 1 + REACH)
        near = None if contour is None else contour[rows]
        wanted = parts[rows] == part
        found = separate(mask[rows], foreground[rows], near, separation, size, wanted)
        expected = np.where(wanted, whole[rows], 0)
        np.testing.assert_array_equal(number_objects(found), number_objects(expected))


def test_a_mask_without_background_is_one_object_of_what_is_wanted() -> None:
    mask = np.ones((6, 8), bool)
    assert (cut_at_necks(mask, 1.0, ONE) == 1).all()
    wanted = np.zeros_like(mask)
    wanted[:, :3] = True
    np.testing.assert_array_equal(cut_at_necks(mask, 1.0, ONE, wanted), wanted)


def test_planes_of_whole_numbers_and_halves_are_cut_too() -> None:
    mask = discs((30, 25), (30, 51))
    for kind in (np.float16, np.float64, np.uint8):
        contour = np.zeros(mask.shape, kind)
        contour[:, 37:39] = 1
        assert count(cut_at_ridges(mask, mask.astype(kind), contour, 0.5)) == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_thin_pictures(shape: tuple[int, int]) -> None:
    mask = np.ones(shape, bool)
    plane = mask.astype(np.float32)
    for contour in (None, plane * 0):
        assert (separate(mask, plane, contour, 0.7, ONE) == 1).all()
        assert not separate(~mask, plane, contour, 0.7, ONE).any()
