from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.areas import has_selected_shapes, selected_area, view_box
from napari_selfreg.widgets.layers import Picture, picture_of

SQUARE = np.array([[2, 3], [2, 13], [8, 13], [8, 3]], dtype=float)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def image(viewer: ViewerModel, **kwargs) -> tuple[Image, Picture]:
    layer = viewer.add_image(np.zeros((100, 200, 3), np.uint8), **kwargs)
    return layer, picture_of(viewer, layer)


def look(viewer: ViewerModel, centre: tuple[float, float], zoom: float) -> None:
    viewer.scene.camera.center = centre
    viewer.scene.camera.zoom = zoom


class TestView:
    def test_all_of_a_picture_in_view(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        look(viewer, (50, 100), 1)
        assert view_box(viewer, layer, picture) == Box(0, 0, 100, 200)

    def test_a_part_in_view(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer, scale=(0.5, 0.5), translate=(10, 20))
        look(viewer, (10 + 25, 20 + 50), 80)
        viewer.canvas.size = (800, 1600)  # 10 × 20 in the world, 20 × 40 pixels
        box = view_box(viewer, layer, picture)
        assert box == Box(40, 80, 61, 121)

    def test_nothing_in_view(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        look(viewer, (5000, 5000), 10)
        assert view_box(viewer, layer, picture).empty

    def test_the_corners_that_napari_keeps_count_too(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        look(viewer, (50, 100), 1)
        layer.corner_pixels = np.array([[10, 20], [29, 49]])
        assert view_box(viewer, layer, picture) == Box(10, 20, 30, 50)

    def test_in_pixels_of_the_resolution_taken(self, viewer: ViewerModel) -> None:
        levels = [np.zeros((s, 2 * s, 3), np.uint8) for s in (400, 100)]
        layer = viewer.add_image(levels, multiscale=True, units=["um", "um"])
        look(viewer, (200, 400), 8)
        viewer.canvas.size = (800, 1600)  # 100 × 200 fine pixels
        coarse = picture_of(viewer, layer, PixelSize(4, 4))
        assert view_box(viewer, layer, coarse) == Box(37, 75, 63, 126)


class TestShapes:
    def test_pixels_inside_a_rectangle(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        shapes = viewer.add_shapes([SQUARE - 0.5], shape_type="rectangle")
        shapes.selected_data = {0}
        box, mask = selected_area(viewer, layer, picture)
        assert (box.y0, box.x0) == (2, 3)
        truth = np.zeros((100, 200), bool)
        truth[2:8, 3:13] = True
        found = np.zeros_like(truth)
        found[box.slices] = mask
        np.testing.assert_array_equal(found, truth)

    def test_an_ellipse_is_round(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        corners = np.array([[10, 10], [10, 90], [50, 90], [50, 10]], float)
        shapes = viewer.add_shapes([corners], shape_type="ellipse")
        shapes.selected_data = {0}
        _, mask = selected_area(viewer, layer, picture)
        assert mask.sum() == pytest.approx(np.pi * 20 * 40, rel=0.01)

    def test_the_picture_may_lie_anywhere(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer, scale=(0.5, 0.25), translate=(100, 50), rotate=90)
        corners = [layer.data_to_world(point) for point in SQUARE - 0.5]
        shapes = viewer.add_shapes([np.array(corners)], shape_type="polygon")
        shapes.selected_data = {0}
        _, mask = selected_area(viewer, layer, picture)
        assert mask.sum() == 60

    def test_several_shapes_are_joined(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        shapes = viewer.add_shapes([SQUARE - 0.5, SQUARE + 19.5, SQUARE + 49.5])
        shapes.selected_data = {0, 1}
        box, mask = selected_area(viewer, layer, picture)
        assert mask.sum() == 120
        assert box.y1 < 40

    def test_only_visible_layers_and_areas_count(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        assert not has_selected_shapes(viewer)
        lines = viewer.add_shapes([SQUARE[:2]], shape_type="line")
        lines.selected_data = {0}
        hidden = viewer.add_shapes([SQUARE], visible=False)
        hidden.selected_data = {0}
        assert not has_selected_shapes(viewer)
        with pytest.raises(BadInputError, match="No shape is selected"):
            selected_area(viewer, layer, picture)
        hidden.visible = True
        assert has_selected_shapes(viewer)

    def test_shapes_beside_the_picture_are_told(self, viewer: ViewerModel) -> None:
        layer, picture = image(viewer)
        shapes = viewer.add_shapes([SQUARE + 1000])
        shapes.selected_data = {0}
        with pytest.raises(BadInputError, match="beside the image"):
            selected_area(viewer, layer, picture)
