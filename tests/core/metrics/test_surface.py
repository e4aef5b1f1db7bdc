"""Distances of surfaces: by hand, by brute force, and as MONAI measures them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_selfreg.core.metrics import hd95, surface_dice
from napari_selfreg.core.metrics.surface import SurfaceDistances

Mask = npt.NDArray[np.bool_]
UNIT = (1.0, 1.0, 1.0)
SMALL = arrays(np.bool_, (3, 4, 5), elements=st.booleans())
SPACINGS = st.tuples(*[st.sampled_from([0.5, 1.0, 1.3, 4.0])] * 3)


def box(z: slice, y: slice, x: slice, shape: tuple[int, int, int] = (12, 12, 12)) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[z, y, x] = True
    return mask


def surface_by_hand(mask: Mask) -> list[tuple[int, ...]]:
    """Voxels with one of their six neighbours, or the outside, in the background."""
    steps = [step * sign for step in np.eye(3, dtype=int) for sign in (1, -1)]
    found = []
    for place in map(tuple, np.argwhere(mask).tolist()):
        around = [tuple(np.array(place) + step) for step in steps]
        inside = [all(0 <= i < n for i, n in zip(p, mask.shape, strict=True)) for p in around]
        if not all(ok and mask[p] for ok, p in zip(inside, around, strict=True)):
            found.append(place)
    return found


def distances_by_hand(a: Mask, b: Mask, spacing: tuple[float, ...]) -> list[float]:
    scaled = [[np.array(p) * spacing for p in surface_by_hand(mask)] for mask in (a, b)]
    return [min(float(np.linalg.norm(p - q)) for q in scaled[1]) for p in scaled[0]]


def test_two_points_are_as_far_as_they_are() -> None:
    a = box(slice(1, 2), slice(2, 3), slice(3, 4))
    b = box(slice(3, 4), slice(5, 6), slice(9, 10))
    assert hd95(a, b, UNIT) == 7.0  # 2, 3, 6
    assert hd95(a, b, (3.0, 2.0, 0.5)) == pytest.approx(math.hypot(6, 6, 3))
    assert surface_dice(a, b, UNIT, 6.9) == 0.0
    assert surface_dice(a, b, UNIT, 7.0) == 1.0


def test_the_same_mask_agrees() -> None:
    a = box(slice(2, 8), slice(2, 9), slice(0, 12))
    assert hd95(a, a, (2.0, 1.0, 0.3)) == 0.0
    assert surface_dice(a, a, (2.0, 1.0, 0.3), 0.0) == 1.0


def test_two_plates_one_above_the_other() -> None:
    low = box(slice(2, 3), slice(0, 12), slice(0, 12))
    high = box(slice(5, 6), slice(0, 12), slice(0, 12))
    assert hd95(low, high, (2.5, 1.0, 1.0)) == 7.5
    assert surface_dice(low, high, (2.5, 1.0, 1.0), 7.4) == 0.0
    assert surface_dice(low, high, (2.5, 1.0, 1.0), 7.5) == 1.0


def test_a_plate_with_a_bump_counted_by_hand() -> None:
    plate = box(slice(2, 3), slice(0, 12), slice(0, 12))
    bumpy = plate | box(slice(3, 6), slice(4, 5), slice(4, 5))
    # of 144 + 3 voxels one each is 1, 2 and 3 away, too few for a 95th percentile above 0
    assert hd95(plate, bumpy, UNIT) == 0.0
    assert surface_dice(plate, bumpy, UNIT, 1.0) == pytest.approx((144 + 145) / (144 + 147))
    assert surface_dice(plate, bumpy, UNIT, 0.0) == pytest.approx((144 + 144) / (144 + 147))


def test_only_the_surface_counts() -> None:
    full = box(slice(2, 9), slice(2, 9), slice(2, 9))
    hollow = full.copy()
    hollow[5, 5, 5] = False
    # the hole makes six voxels a surface that lie 2 from the outer one, and none the other way
    assert len(surface_by_hand(hollow)) == 7**3 - 5**3 + 6
    assert surface_dice(full, hollow, UNIT, 1.9) == pytest.approx(2 * 218 / (2 * 218 + 6))
    assert surface_dice(full, hollow, UNIT, 2.0) == 1.0


def test_a_tolerance_is_met_despite_rounding() -> None:
    a = box(slice(0, 1), slice(0, 1), slice(0, 1))
    b = box(slice(0, 1), slice(0, 1), slice(3, 4))
    assert surface_dice(a, b, (1.0, 1.0, 0.1), 0.3) == 1.0  # 3 * 0.1 is more than 0.3


def test_empty_masks() -> None:
    full, empty = box(slice(0, 2), slice(0, 2), slice(0, 2)), np.zeros((12, 12, 12), bool)
    spacing = (3.0, 2.0, 1.0)
    assert hd95(empty, empty, spacing) == 0.0
    assert surface_dice(empty, empty, spacing) == 1.0
    diagonal = math.hypot(33, 22, 11)
    assert hd95(full, empty, spacing) == hd95(empty, full, spacing) == pytest.approx(diagonal)
    assert surface_dice(full, empty, spacing, 1e9) == surface_dice(empty, full, spacing, 1e9) == 0.0


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, math.inf)])
def test_sizes_must_fit(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="3 finite sizes above 0"):
        hd95(np.ones((2, 2, 2)) > 0, np.ones((2, 2, 2)) > 0, spacing)
    with pytest.raises(ValueError, match="one shape"):
        surface_dice(np.ones((2, 2, 2)) > 0, np.ones((2, 2, 3)) > 0, UNIT)


@settings(max_examples=60)
@given(SMALL, SMALL, SPACINGS, st.sampled_from([0.5, 1.0, 2.6]))
def test_it_is_the_definition_spelt_out(
    a: Mask, b: Mask, spacing: tuple[float, float, float], tolerance: float
) -> None:
    if not a.any() or not b.any():
        return
    there, back = distances_by_hand(a, b, spacing), distances_by_hand(b, a, spacing)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert hd95(a, b, spacing) == pytest.approx(expected)
    within = sum(distance <= tolerance + 1e-9 for distance in there + back)
    share = within / (len(there) + len(back))
    assert surface_dice(a, b, spacing, tolerance) == pytest.approx(share)


@settings(max_examples=60)
@given(SMALL, SMALL, SPACINGS)
def test_both_ways_are_the_same_and_twice_the_voxel_is_twice_as_far(
    a: Mask, b: Mask, spacing: tuple[float, float, float]
) -> None:
    distance = hd95(a, b, spacing)
    assert hd95(b, a, spacing) == distance
    double = tuple(2 * size for size in spacing)
    assert hd95(a, b, double) == pytest.approx(2 * distance)
    assert surface_dice(a, b, double, 2.0) == surface_dice(a, b, spacing, 1.0)


@settings(max_examples=30)
@given(SMALL, SMALL, SPACINGS, st.tuples(*[st.integers(0, 3)] * 6))
def test_background_around_does_not_matter(
    a: Mask, b: Mask, spacing: tuple[float, float, float], margins: tuple[int, ...]
) -> None:
    if not a.any() or not b.any():
        return
    pads = [margins[:2], margins[2:4], margins[4:]]
    wide = SurfaceDistances.between(np.pad(a, pads), np.pad(b, pads), spacing)
    assert wide.hd95() == hd95(a, b, spacing)
    assert wide.dice(1.3) == surface_dice(a, b, spacing, 1.3)


def test_two_axes_work_as_well() -> None:
    a, b = np.zeros((9, 9), int), np.zeros((9, 9), int)
    a[1, 1], b[4, 5] = 7, 2
    assert hd95(a, b, (1.0, 1.0)) == 5.0


def test_monai_measures_the_same() -> None:
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    random, spacing = np.random.default_rng(0), (2.0, 1.0, 0.7)
    a, b = (ndimage.gaussian_filter(random.random((16, 17, 18)), 2) > 0.5 for _ in range(2))
    first, second = (torch.tensor(np.stack([~mask, mask]))[None].float() for mask in (a, b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        far = metrics.compute_hausdorff_distance(first, second, percentile=95, spacing=spacing)
        share = metrics.compute_surface_dice(first, second, [1.0], spacing=spacing)
    assert hd95(a, b, spacing) == pytest.approx(far.item(), rel=1e-5)
    assert surface_dice(a, b, spacing) == pytest.approx(share.item(), rel=1e-5)
