from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.map_grid import MapGrid, mean_onto


def fine(shape: tuple[int, ...], scale: float = 1.0) -> MapGrid:
    return MapGrid(shape, (scale,) * len(shape), ((scale - 1) / 2,) * len(shape))


def test_nested_pixels_are_averaged() -> None:
    values = np.arange(2 * 4 * 6, dtype=np.float16).reshape(2, 4, 6)
    found = mean_onto(values, fine((4, 6)), fine((2, 3), 2))
    np.testing.assert_allclose(found, values.reshape(2, 2, 2, 3, 2).mean((2, 4)))
    assert found.dtype == np.float32


def test_a_cut_border_averages_what_is_there() -> None:
    values = np.array([[[1.0, 2, 3, 4, 5]]])
    # coarse pixels of 4 cover image pixels 0-3 and 4-7; the map begins at pixel 2
    source = MapGrid((1, 5), (1.0, 1.0), (0.0, 2.0))
    target = MapGrid((1, 2), (1.0, 4.0), (0.0, 1.5))
    np.testing.assert_allclose(mean_onto(values, source, target), [[[1.5, 4]]])


def test_a_finer_grid_takes_the_nearest() -> None:
    found = mean_onto(np.array([[[5.0, 7.0]]]), fine((1, 2), 2), MapGrid((1, 4), (2, 1), (0.5, 0)))
    assert found.tolist() == [[[5, 5, 7, 7]]]


def test_volumes_and_scales_per_axis() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 6, 2))
    target = MapGrid((2, 2, 2), (2, 3, 1), (0.5, 1, 0))
    found = mean_onto(values, fine((4, 6, 2)), target)
    np.testing.assert_allclose(found, values.reshape(3, 2, 2, 2, 3, 2).mean((2, 4)), atol=1e-6)


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.3, 5), st.floats(-3, 3))
def test_a_constant_stays_constant(n: int, m: int, scale: float, shift: float) -> None:
    target = MapGrid((m, m), (scale, scale), (shift, -shift))
    np.testing.assert_allclose(mean_onto(np.full((1, n, n), 3.0), fine((n, n)), target), 3)


def test_a_point_finds_its_pixel() -> None:
    grid = MapGrid((4, 4), (16.0, 8.0), (7.5, 3.5))
    assert grid.nearest([-90, 0, 15, 15.4, 16, 63, 900], 0).tolist() == [0, 0, 0, 0, 1, 3, 3]
    assert grid.nearest(8, 1) == 1
    assert grid.centres(1) == pytest.approx([3.5, 11.5, 19.5, 27.5])
