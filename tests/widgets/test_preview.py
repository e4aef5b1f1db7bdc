from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import TileDone
from napari_selfreg.widgets import preview as preview_module
from napari_selfreg.widgets.layers import is_picture, picture_of
from napari_selfreg.widgets.preview import Preview, paste
from tests.widgets.pictures import colour


def tiles_of(truth: np.ndarray, region: Box, side: int, step: int) -> list[TileDone]:
    found = []
    for y in range(region.y0, region.y1, side):
        for x in range(region.x0, region.x1, side):
            box = Box(y, x, y + side, x + side).intersect(region)
            part = truth[box.shift(-region.y0, -region.x0).slices]
            found.append(TileDone(box, part[::step, ::step], 0, 0))
    return found


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    corner=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    side=st.integers(1, 40),
    step=st.integers(1, 4),
)
@settings(deadline=None, max_examples=60)
def test_tiles_fill_the_canvas_without_gaps(height, width, corner, side, step) -> None:
    region = Box(*corner, corner[0] + height, corner[1] + width)
    rows, columns = (max(1, round(length / step)) for length in (height, width))
    canvas = np.zeros((rows, columns), np.uint8)
    for tile in tiles_of(np.full((height, width), 9, np.uint8), region, side, 1):
        paste(canvas, tile, region, step)
    reached = canvas[: max(1, height // step), : max(1, width // step)]
    if height >= step and width >= step:
        assert (reached == 9).all()


def test_full_resolution_tiles_are_copied_exactly() -> None:
    truth = np.random.default_rng(0).integers(0, 255, (50, 70), np.uint8)
    region, canvas = Box(3, 4, 53, 74), np.zeros((50, 70), np.uint8)
    for tile in tiles_of(truth, region, 16, 1):
        paste(canvas, tile, region, 1)
    np.testing.assert_array_equal(canvas, truth)


def test_the_layer_lies_on_the_region_and_changes_no_selection(monkeypatch) -> None:
    monkeypatch.setattr(preview_module, "MAX_SIDE", 20)
    viewer = ViewerModel()
    image = viewer.add_layer(colour(100, 100, scale=(0.5, 0.25), translate=(3, 4), rotate=20))
    chosen = viewer.add_layer(colour(9, 9))
    picture, region = picture_of(viewer, image), Box(20, 40, 60, 80)
    preview = Preview(viewer, image, picture, region)
    preview.show([])
    assert preview.layer is None
    preview.show([TileDone(region, np.full((10, 10), 200, np.uint8), 1, 1)])
    layer = preview.layer
    assert layer.data.shape == (20, 20)
    assert layer.data.min() == 200
    assert viewer.layers.selection == {chosen}
    assert not is_picture(layer)
    # Corners of corner pixels, in the world.
    np.testing.assert_allclose(
        layer.data_to_world((-0.5, -0.5)), image.data_to_world((19.5, 39.5)), atol=1e-9
    )
    np.testing.assert_allclose(
        layer.data_to_world((19.5, 19.5)), image.data_to_world((59.5, 79.5)), atol=1e-9
    )
    preview.remove()
    preview.remove()
    assert layer not in viewer.layers
    assert viewer.layers.selection.active == chosen
