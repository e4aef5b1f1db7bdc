"""Totals that a person can check by hand, and that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_selfreg.core import totals as module
from napari_selfreg.core.totals import add_totals, find_places, totals_in
from napari_selfreg.core.types import Box, PixelSize
from tests.memory import little_memory

UM = PixelSize(0.5, 2.0)  # one pixel is one square micrometre
LABELS = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 4)
)


def field() -> np.ndarray:
    labels = np.zeros((10, 20), np.int32)
    labels[1:3, 1:5] = 1  # 8 pixels
    labels[5:9, 4:9] = 3  # 20 pixels; 2 was deleted
    labels[0:2, 17:20] = 7  # 6 pixels
    return labels


def test_a_field_by_hand() -> None:
    labels = field()
    found = totals_in(labels, find_places(labels), UM)
    assert found.objects == 3
    assert found.area_percent == pytest.approx(100 * 34 / 200)
    assert found.median_area_um2 == 8
    assert found.density_per_mm2 == pytest.approx(3 / 200 * 1e6)


def test_places_know_box_and_centre() -> None:
    places = find_places(field())
    assert places.index.tolist() == [1, 3, 7]
    assert places.pixels.tolist() == [8, 20, 6]
    assert places.low.tolist() == [[1, 1], [5, 4], [0, 17]]
    assert places.high.tolist() == [[3, 5], [9, 9], [2, 20]]
    assert places.centre.tolist() == [[1.5, 2.5], [6.5, 6.0], [0.5, 18.0]]


def test_an_object_cut_by_the_view_counts_where_its_centre_is() -> None:
    labels = field()
    places = find_places(labels)
    left = totals_in(labels, places, UM, Box(0, 0, 10, 6))
    right = totals_in(labels, places, UM, Box(0, 6, 10, 20))
    assert (left.objects, right.objects) == (1, 2)
    assert left.covered_um2 == 8 + 8  # two of the five columns of object 3
    assert right.areas_um2.tolist() == [20, 6]  # whole objects


@given(LABELS, st.integers(0, 12), st.integers(0, 12))
def test_four_views_add_up_to_the_field(labels: np.ndarray, row: int, column: int) -> None:
    height, width = labels.shape
    row, column = min(row, height), min(column, width)
    places = find_places(labels)
    boxes = [
        Box(y0, x0, y1, x1)
        for y0, y1 in ((0, row), (row, height))
        for x0, x1 in ((0, column), (column, width))
    ]
    parts = add_totals(totals_in(labels, places, UM, box) for box in boxes)
    whole = totals_in(labels, places, UM)
    assert parts.objects == whole.objects
    assert parts.covered_um2 == whole.covered_um2
    assert parts.region_um2 == whole.region_um2
    assert sorted(parts.areas_um2) == sorted(whole.areas_um2)


@given(LABELS)
def test_places_agree_with_scipy(labels: np.ndarray) -> None:
    places = find_places(labels)
    slices = ndimage.find_objects(labels)
    assert places.index.tolist() == [i + 1 for i, box in enumerate(slices) if box is not None]
    for label, centre, low, high in zip(
        places.index, places.centre, places.low, places.high, strict=True
    ):
        box = slices[label - 1]
        assert [axis.start for axis in box] == low.tolist()
        assert [axis.stop for axis in box] == high.tolist()
        assert np.allclose(ndimage.center_of_mass(labels == label), centre)


def test_bands_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find_places(field())
    monkeypatch.setattr(module, "_BAND", 40)
    banded = find_places(field())
    assert np.array_equal(whole.centre, banded.centre)
    assert np.array_equal(whole.high, banded.high)


def test_nothing_found_and_nothing_in_view() -> None:
    labels = np.zeros((4, 4), np.int32)
    found = totals_in(labels, find_places(labels), UM)
    assert (found.objects, found.area_percent, found.density_per_mm2) == (0, 0, 0)
    assert math.isnan(found.median_area_um2)
    aside = totals_in(labels, find_places(labels), UM, Box(8, 8, 9, 9))
    assert math.isnan(aside.area_percent)
    assert math.isnan(aside.density_per_mm2)
    assert add_totals([]).objects == 0


def test_only_what_was_examined_counts_as_region() -> None:
    labels = field()
    found = totals_in(labels, find_places(labels), UM, region_pixels=100)
    assert found.area_percent == pytest.approx(34)


def test_a_high_number_takes_no_more_memory_than_a_low_one() -> None:
    labels = field()
    with little_memory():
        places = find_places(np.where(labels == 3, 99_999_998, labels))
    assert places.index.tolist() == [1, 7, 99_999_998]
    assert places.pixels.tolist() == [8, 6, 20]
    assert places.low.tolist() == [[1, 1], [0, 17], [5, 4]]
