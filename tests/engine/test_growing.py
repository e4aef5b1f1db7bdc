"""Which rows are final, whatever the order in which tiles come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.engine.growing import GrowingPlanes, ObjectPlanes


def growing(height: int, width: int) -> tuple[GrowingPlanes, list[int]]:
    told: list[int] = []
    return GrowingPlanes(np.full((2, height, width), np.nan, np.float32), told.append), told


def test_rows_are_final_when_their_last_tile_has_come() -> None:
    planes, told = growing(10, 8)
    planes[:, 0:4, 0:5] = 0.5
    assert told == []
    planes[:, 4:10, 5:8] = 0.5
    planes[:, 0:4, 5:8] = 0.5
    assert told == [4]
    planes[:, 4:10, 0:5] = 0
    assert told == [4, 10]
    assert not np.isnan(planes.values).any()


def test_a_row_that_comes_late_holds_back_those_below() -> None:
    planes, told = growing(6, 3)
    planes[:, 2:6, 0:3] = 1
    assert told == []
    planes[:, 0:2, 0:3] = 1
    assert told == [6]


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.integers(1, 11), max_size=3),
    st.lists(st.integers(1, 11), max_size=3),
    st.randoms(use_true_random=False),
)
def test_what_is_told_is_never_too_early_nor_late(height, width, rows, columns, random) -> None:
    cuts = [
        sorted({0, n, *(c for c in at if c < n)}) for n, at in ((height, rows), (width, columns))
    ]
    tiles = [
        (slice(*vertical), slice(*horizontal))
        for vertical in zip(cuts[0], cuts[0][1:], strict=False)
        for horizontal in zip(cuts[1], cuts[1][1:], strict=False)
    ]
    random.shuffle(tiles)
    planes, told = growing(height, width)
    for tile in tiles:
        planes[(slice(None), *tile)] = 1.0
        unknown = np.isnan(planes.values).any(axis=(0, 2))
        assert (told[-1] if told else 0) == (unknown.argmax() if unknown.any() else height)
    assert told == sorted(set(told))
    assert told[-1] == height


def test_whether_something_was_found() -> None:
    planes = GrowingPlanes(np.zeros((1, 4, 4), np.float32), lambda rows: None)
    planes[:, 0:2, 0:4] = 0
    assert not planes.any()
    planes[:, 2:4, 0:4] = np.eye(4)[:2]
    assert planes.any()


@pytest.mark.parametrize(("n_classes", "contour"), [(1, False), (1, True), (3, True)])
def test_planes_of_rows_are_rows_of_the_planes(n_classes: int, contour: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.random((n_classes + contour, 9, 7), np.float32)
    mask = rng.random((9, 7)) < 0.5
    for chosen in (None, mask):
        planes = ObjectPlanes(values, n_classes, chosen)
        whole, edge = planes(slice(None))
        expected = values[:n_classes].sum(axis=0)
        np.testing.assert_array_equal(whole, expected if chosen is None else expected * mask)
        assert whole.dtype == np.float32
        part, part_edge = planes(slice(3, 6))
        np.testing.assert_array_equal(part, whole[3:6])
        assert (edge is None) == (part_edge is None) == (not contour)
        if edge is not None and part_edge is not None:
            np.testing.assert_array_equal(edge, values[-1])
            np.testing.assert_array_equal(part_edge, edge[3:6])


def test_one_class_is_not_copied() -> None:
    values = np.zeros((2, 5, 5), np.float32)
    foreground, contour = ObjectPlanes(values, 1)(slice(1, 4))
    assert np.shares_memory(foreground, values)
    assert contour is not None
    assert np.shares_memory(contour, values)
