"""Merge, delete, fill and smooth against plain loops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_selfreg.core.edit import delete, fill_inside, merge, objects, smooth_outline
from napari_selfreg.core.edit.objects import enclosed, object_boxes, object_mask
from tests.core.edit.brute import LABELS, MASKS, Labels, edited, picture, without_holes

IDS = st.lists(st.integers(0, 4), max_size=4)


@given(LABELS, IDS)
def test_merged_objects_get_the_first_id(labels: Labels, ids: list[int]) -> None:
    wanted = [number for number in ids if number]
    expected = labels.copy()
    for place in np.ndindex(*labels.shape):
        if labels[place] in wanted:
            expected[place] = wanted[0]
    np.testing.assert_array_equal(edited(labels, lambda: merge(labels, ids)), expected)


@given(LABELS, IDS)
def test_deleted_objects_are_background(labels: Labels, ids: list[int]) -> None:
    expected = labels.copy()
    for place in np.ndindex(*labels.shape):
        if labels[place] in ids:
            expected[place] = 0
    np.testing.assert_array_equal(edited(labels, lambda: delete(labels, ids)), expected)


@given(LABELS, st.integers(1, 3))
def test_filling_takes_the_background_that_cannot_get_out(labels: Labels, number: int) -> None:
    filled = without_holes(labels == number) if (labels == number).any() else labels < 0
    expected = np.where(filled & (labels == 0), number, labels)
    np.testing.assert_array_equal(edited(labels, lambda: fill_inside(labels, [number])), expected)


@given(MASKS)
def test_enclosed_pixels_are_those_without_a_way_out(mask: npt.NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(enclosed(mask), without_holes(mask))


def test_an_inner_object_stays_and_fills_its_own_hole_first() -> None:
    labels = picture("1111111 1.....1 1.222.1 1.2.2.1 1.222.1 1.....1 1111111")
    expected = picture("1111111 1111111 1122211 1122211 1122211 1111111 1111111")
    for ids in ([1, 2], [2, 1]):
        after = edited(labels, lambda ids=ids: fill_inside(labels, ids))
        assert after.tolist() == expected.tolist()


def test_a_hole_at_the_border_of_the_image_is_open() -> None:
    labels = picture("1.1 1.1 111")
    assert not fill_inside(labels, [1])


def blurred(mask: npt.NDArray[np.bool_], sigma: float) -> npt.NDArray[np.float64]:
    """Return a Gaussian of a mask whose border goes on, one axis after the other."""
    reach = int(3 * sigma + 0.5)
    weights = np.array([math.exp(-0.5 * (d / sigma) ** 2) for d in range(-reach, reach + 1)])
    weights /= weights.sum()
    level = mask.astype(float)
    for axis in (0, 1):
        wide = np.pad(level, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
        level = np.apply_along_axis(np.convolve, axis, wide, weights, mode="valid")
    return level


@given(LABELS, st.integers(1, 3), st.sampled_from([0.5, 1.0, 2.0]))
def test_smoothing_is_half_of_a_gaussian_and_never_takes_from_others(
    labels: Labels, number: int, sigma: float
) -> None:
    own = labels == number
    level = blurred(own, sigma)
    assume((np.abs(level - 0.5) > 1e-4).all())  # else rounding decides
    after = edited(labels, lambda: smooth_outline(labels, [number], sigma))
    shape = level > 0.5 if (level > 0.5).any() else own
    expected = np.where(shape & ((labels == 0) | own), number, np.where(own, 0, labels))
    np.testing.assert_array_equal(after, expected)


def test_smoothing_takes_a_spur_and_fills_a_notch() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[8:22, 8:22] = 1
    labels[14, 22:28] = 1
    labels[8:11, 15] = 0
    after = edited(labels, lambda: smooth_outline(labels, [1], 1.5))
    assert not after[14, 24:].any()
    assert after[10, 15] == 1


def test_smoothing_at_the_border_of_the_image_does_not_shrink() -> None:
    labels = np.zeros((12, 20), np.int32)
    labels[:, :10] = 1
    assert not smooth_outline(labels, [1], 2.0)


@pytest.mark.parametrize("table", [objects._TABLE, 1])
@given(labels=LABELS, ids=st.sets(st.integers(1, 300), max_size=12))
def test_boxes_of_few_and_many_objects(table: int, labels: Labels, ids: set[int]) -> None:
    labels = labels * 50
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "_TABLE", table)
        for few in (0, 99):
            patch.setattr(objects, "_FEW", few)
            wanted = sorted(ids | {50, 150})
            found = dict(object_boxes(labels, wanted))
            assert set(found) == set(wanted) & set(np.unique(labels).tolist())
            for number, box in found.items():
                rows, columns = np.nonzero(labels == number)
                assert (box.y0, box.x0) == (rows.min(), columns.min())
                assert (box.y1, box.x1) == (rows.max() + 1, columns.max() + 1)
        mask = np.isin(labels, wanted)
        np.testing.assert_array_equal(object_mask(labels, wanted), mask)


def test_very_large_ids_need_no_table() -> None:
    labels = picture("1.2") * np.int32(1_000_000_000)
    after = edited(labels, lambda: delete(labels, [1_000_000_000, 7]))
    assert after.tolist() == [[0, 0, 2_000_000_000]]
    merged = edited(labels, lambda: merge(labels, [3, 1_000_000_000, 2_000_000_000]))
    assert merged.tolist() == [[3, 0, 3]]


def test_no_objects_no_change() -> None:
    labels = picture("11 .2")
    for tool in (merge, delete, fill_inside, smooth_outline):
        assert not tool(labels, [])
        assert not tool(labels, [0])
        assert not tool(labels, [9])
