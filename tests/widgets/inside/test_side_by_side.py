from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel

from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.inside.side_by_side import SideBySide, grid_shape
from tests.widgets.pictures import opened

SIDES = st.floats(50, 4000)


def test_side_by_side_leaves_everything_as_it_was() -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((8, 8)))
    shown, hidden = viewer.add_image(np.zeros((8, 8))), viewer.add_image(np.zeros((8, 8)))
    hidden.visible = False
    maps = [viewer.add_image(np.zeros((4, 4)), opacity=0.5) for _ in range(3)]
    viewer.canvas.grid.stride = 2
    viewer.canvas.size = (600, 600)
    viewer.scene.camera.zoom = 75  # the picture fills the window
    grid = SideBySide(viewer)
    grid.leave()
    grid.show(image, maps)
    assert viewer.canvas.grid.enabled
    assert (image.visible, shown.visible) == (True, False)
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (2, 2)
    assert viewer.scene.camera.zoom * 8 < 300  # and a place now, with a name above
    grid.show(image, maps[:1])
    assert not maps[1].visible
    grid.leave()
    assert not viewer.canvas.grid.enabled
    assert viewer.canvas.grid.stride == 2
    assert viewer.scene.camera.zoom == pytest.approx(75)
    assert (shown.visible, hidden.visible) == (True, False)


@given(count=st.integers(1, 40), high=SIDES, wide=SIDES, tall=SIDES, broad=SIDES)
def test_all_pictures_have_a_place_and_no_row_is_empty(
    count: int, high: float, wide: float, tall: float, broad: float
) -> None:
    rows, columns = grid_shape(count, np.array([high, wide]), np.array([tall, broad]))
    assert rows * columns >= count
    assert (rows - 1) * columns < count


@pytest.mark.parametrize(
    ("canvas", "picture", "shape"),
    [
        ((750, 575), (1, 1), (5, 4)),  # a laptop: as many columns as rows would be smaller
        ((575, 1500), (1, 1), (3, 7)),
        ((600, 600), (1, 40), (19, 1)),  # strips lie above each other
        ((600, 600), (40, 1), (1, 19)),
    ],
)
def test_pictures_are_as_large_as_the_window_allows(
    canvas: tuple[int, int], picture: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert grid_shape(19, np.array(canvas), np.array(picture)) == shape


def test_what_was_in_view_stays_in_view() -> None:
    viewer = ViewerModel()
    viewer.canvas.size = (400, 800)
    image = viewer.add_image(np.zeros((100, 100)), scale=(0.5, 0.5), translate=(7, 9))
    maps = [viewer.add_image(np.zeros((4, 4))) for _ in range(3)]
    viewer.scene.camera.zoom = 40  # of its 50 × 50 units 10 × 20 are seen
    grid = SideBySide(viewer)
    grid.show(image, maps)
    high, wide = viewer.canvas.viewbox_size(viewer.layers)
    zoom = viewer.scene.camera.zoom
    assert high / zoom >= 10 - 1e-6
    assert wide / zoom >= 20 - 1e-6
    assert grid.place_width() == wide
    grid.show(image, maps)  # the same again: nothing shrinks a second time
    assert viewer.scene.camera.zoom == pytest.approx(zoom)
    grid.leave()
    assert viewer.scene.camera.zoom == pytest.approx(40)


def test_a_small_picture_is_not_made_smaller() -> None:
    viewer = ViewerModel()
    viewer.canvas.size = (600, 600)
    image = viewer.add_image(np.zeros((10, 10)))
    viewer.scene.camera.zoom = 2
    SideBySide(viewer).show(image, [viewer.add_image(np.zeros((10, 10)))])
    assert viewer.scene.camera.zoom == 2


def test_a_layer_that_is_removed_meanwhile_is_no_hindrance() -> None:
    viewer = ViewerModel()
    image, other = viewer.add_image(np.zeros((8, 8))), viewer.add_image(np.zeros((8, 8)))
    grid = SideBySide(viewer)
    grid.show(image, [viewer.add_image(np.zeros((8, 8)))])
    viewer.layers.remove(other)
    grid.leave()
    assert not grid.on
    assert image.visible


def test_what_lies_on_a_field_that_was_left_is_there_again_on_it() -> None:
    viewer = ViewerModel()
    stage, grid = FieldStage(viewer), SideBySide(viewer)
    a, b = Field(Path("a.png")), Field(Path("b.png"))
    image = stage.show(a, opened("a"))
    result = viewer.add_labels(np.ones((8, 9), np.int32))
    grid.show(image, [])
    assert not result.visible
    stage.show(b, opened("b"))
    grid.leave()
    stage.show(a)
    assert result in viewer.layers
    assert result.visible
