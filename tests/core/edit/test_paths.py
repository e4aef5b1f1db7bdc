"""Where a pointer went: pixels of a line, and of a disc that follows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.edit.paths import pixels_of_path, sweep
from napari_selfreg.core.types import Box
from tests.core.edit.brute import pixels

IMAGE = Box(0, 0, 12, 15)
CORNERS = st.lists(st.tuples(st.floats(-4, 16), st.floats(-4, 16)), min_size=1, max_size=4)


@given(CORNERS, st.floats(0.75, 5))
def test_a_swept_disc_holds_its_path_and_keeps_a_margin(
    path: list[tuple[float, float]], radius: float
) -> None:
    box, swept = sweep(path, radius, IMAGE)
    assert swept.shape == box.shape
    found = {(y + box.y0, x + box.x0) for y, x in pixels(swept)}
    for y, x in path:
        nearest = (int(np.floor(y + 0.5)), int(np.floor(x + 0.5)))
        inside = 0 <= nearest[0] < IMAGE.y1 and 0 <= nearest[1] < IMAGE.x1
        assert not inside or nearest in found
    for y, x in found:
        assert y > box.y0 or y == 0
        assert x > box.x0 or x == 0
        assert y < box.y1 - 1 or y == IMAGE.y1 - 1
        assert x < box.x1 - 1 or x == IMAGE.x1 - 1


@given(CORNERS, st.floats(0.75, 5))
def test_a_path_sweeps_what_its_pieces_sweep(
    path: list[tuple[float, float]], radius: float
) -> None:
    together: set[tuple[int, int]] = set()
    for pair in zip(path, path[1:] or path, strict=False):
        part, piece = sweep(pair, radius, IMAGE)
        together |= {(y + part.y0, x + part.x0) for y, x in pixels(piece)}
    box, swept = sweep(path, radius, IMAGE)
    assert {(y + box.y0, x + box.x0) for y, x in pixels(swept)} == together


@given(CORNERS)
def test_pixels_of_a_path_leave_no_gap_within_the_image(
    path: list[tuple[float, float]],
) -> None:
    wide = Box(-9, -9, 25, 25)
    rows, columns = pixels_of_path(path, wide)
    assert np.all(np.abs(np.diff(rows)) <= 1)
    assert np.all(np.abs(np.diff(columns)) <= 1)
    everywhere = {(int(y) - 9, int(x) - 9) for y, x in zip(rows, columns, strict=True)}
    inside = set(zip(*(axis.tolist() for axis in pixels_of_path(path, IMAGE)), strict=True))
    assert inside == {p for p in everywhere if 0 <= p[0] < IMAGE.y1 and 0 <= p[1] < IMAGE.x1}


@pytest.mark.parametrize("far", [(-50.0, 3.0), (3.0, 90.0)])
def test_far_away_there_is_nothing(far: tuple[float, float]) -> None:
    box, swept = sweep([far], 4, IMAGE)
    assert box.empty
    assert swept.size == 0
    assert pixels_of_path([far], IMAGE)[0].size == 0
