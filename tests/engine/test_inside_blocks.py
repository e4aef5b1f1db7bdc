"""Windows put together, and what lies in the region cut out."""

from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.engine.inside_blocks import Canvas, Frame
from napari_selfreg.engine.inside_forward import LAST, WEIGHTS, Seen, first_pixel

FRAME = Frame((16, 32), (16, 16), (2.0, 0.5))


def seen(height: int, width: int, value: float = 1.0, step: int = 4) -> Seen:
    maps = np.full((2, height // step, width // step), value, np.float16)
    plane = np.full((1, height, width), value, np.float32)
    parts = {"B": maps, LAST: plane, WEIGHTS: plane}
    steps = {"B": (step, step), LAST: (1.0, 1.0), WEIGHTS: (1.0, 1.0)}
    return Seen(parts, steps, {"B": np.array([16.0, -32.0], np.float32)})


def test_the_grid_of_a_frame_is_worked_out_by_hand() -> None:
    grid = FRAME.grid((4, 4))
    assert grid.scale == (8, 2)
    # model row 16 begins at image row 32: edge 31.5, and half a map pixel of 8 further
    assert grid.translate == (35.5, 16.5)


def test_two_windows_become_one_map_and_their_gradients_add_up() -> None:
    canvas = Canvas(FRAME)
    canvas.put(seen(16, 8, 1.0), (16, 32), (16, 8))
    canvas.put(seen(16, 8, 3.0), (16, 40), (16, 8))
    maps = canvas.cut(((32, 64), (16, 24)))["B"]
    assert maps.maps[0].tolist() == [[1, 1, 3, 3]] * 4
    # 2 * (16 - 32) / 16 per value: nothing positive is left
    assert not maps.attention.any()
    assert maps.importance.tolist() == [4, -8]
    np.testing.assert_allclose(maps.last, maps.maps[0])
    np.testing.assert_allclose(maps.mask, maps.maps[0])


def test_only_what_overlaps_the_region_is_kept() -> None:
    canvas = Canvas(FRAME)
    canvas.put(seen(16, 16), (16, 32), (16, 16))
    maps = canvas.cut(((41, 49), (18, 20)))["B"]
    assert maps.maps.shape == (2, 2, 1)
    assert maps.translate == (43.5, 18.5)


def test_maps_that_do_not_fit_together_or_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadModelError, match="put together from tiles"):
        Canvas(FRAME).put(seen(15, 15, step=3), (16, 32), (15, 15))
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 100)
    with pytest.raises(BadInputError, match="smaller part"):
        Canvas(FRAME).put(seen(16, 8), (16, 32), (16, 8))


def test_the_nearest_edge_counts() -> None:
    assert [first_pixel(at, 4) for at in (0, 1, 2, 3, 4)] == [0, 0, 1, 1, 1]
