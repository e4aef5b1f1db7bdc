from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.widgets import layers
from napari_selfreg.widgets.layers import (
    is_picture,
    layer_by_id,
    picture_of,
    pixel_size_of,
    world_to_layer,
)
from tests.widgets.pictures import colour, noise, shown


class TestPicture:
    def test_a_colour_picture(self) -> None:
        data = noise(20, 30, 3)
        viewer, layer = shown(Image(data, rgb=True))
        picture = picture_of(viewer, layer)
        assert picture.shape == (20, 30)
        assert picture.axes == (0, 1)
        assert not picture.is_grey
        np.testing.assert_array_equal(picture.colours(), data)
        np.testing.assert_array_equal(picture.read(Box(2, 3, 5, 9)), data[2:5, 3:9])

    def test_a_grey_picture_becomes_three_equal_colours(self) -> None:
        data = noise(20, 30)
        viewer, layer = shown(Image(data))
        picture = picture_of(viewer, layer)
        assert picture.is_grey
        np.testing.assert_array_equal(picture.colours(), np.repeat(data[..., None], 3, axis=2))

    @pytest.mark.parametrize("axis", [0, 2])
    def test_colours_that_napari_takes_for_slices(self, axis: int) -> None:
        colours = noise(20, 30, 3)
        viewer, layer = shown(Image(np.moveaxis(colours, 2, axis), rgb=False))
        picture = picture_of(viewer, layer)
        assert picture.channel_axis == axis
        assert picture.shape == (20, 30)
        np.testing.assert_array_equal(picture.colours(), colours)

    def test_a_named_channel_axis_in_a_stack(self) -> None:
        stack = noise(5, 3, 20, 30)
        viewer, layer = shown(Image(stack, rgb=False, axis_labels=["z", "c", "y", "x"]))
        viewer.dims.set_current_step(0, 4)
        picture = picture_of(viewer, layer)
        assert picture.channel_axis == 1
        np.testing.assert_array_equal(picture.colours(), np.moveaxis(stack[4], 0, -1))

    def test_three_named_slices_are_no_colours(self) -> None:
        viewer, layer = shown(Image(noise(3, 20, 30), rgb=False, axis_labels=["z", "y", "x"]))
        assert picture_of(viewer, layer).channel_axis is None

    def test_the_slider_chooses_the_slice(self) -> None:
        stack = noise(7, 20, 30, 3)
        viewer, layer = shown(Image(stack, rgb=True, scale=(4, 0.5, 0.5), translate=(10, 0, 0)))
        viewer.dims.set_point(0, 10 + 3 * 4)
        picture = picture_of(viewer, layer)
        assert picture.position == (3, 0, 0)
        np.testing.assert_array_equal(picture.colours(), stack[3])

    def test_the_order_of_the_axes_chooses_the_plane(self) -> None:
        stack = noise(7, 20, 30, 3)
        viewer, layer = shown(Image(stack, rgb=True))
        viewer.dims.order = (1, 0, 2)
        viewer.dims.set_current_step(1, 11)
        picture = picture_of(viewer, layer)
        assert picture.axes == (0, 2)
        np.testing.assert_array_equal(picture.colours(), stack[:, 11])

    def test_a_flat_picture_below_a_stack(self) -> None:
        viewer, layer = shown(colour(20, 30))
        viewer.add_image(noise(5, 20, 30))
        viewer.dims.set_current_step(0, 2)
        assert picture_of(viewer, layer).position == (0, 0)

    def test_a_certain_plane_is_taken_wherever_the_sliders_stand(self) -> None:
        stack = noise(5, 20, 30, 3)
        viewer, layer = shown(Image(stack, rgb=True))
        viewer.dims.set_current_step(0, 4)
        plane = picture_of(viewer, layer).plane
        viewer.dims.set_current_step(0, 1)
        viewer.dims.order = (1, 0, 2)
        picture = picture_of(viewer, layer, plane=plane)
        np.testing.assert_array_equal(picture.colours(), stack[4])
        layer.data = stack[:3]
        with pytest.raises(BadInputError, match="does not have this slice any more"):
            picture_of(viewer, layer, plane=plane)

    def test_a_slider_outside_of_the_image_is_told(self) -> None:
        viewer, layer = shown(colour(4, 20, 30, name="short"))
        viewer.add_image(noise(9, 20, 30))
        viewer.dims.set_current_step(0, 8)
        with pytest.raises(BadInputError, match="slider stands outside “short”"):
            picture_of(viewer, layer)

    def test_the_resolution_next_to_the_models_is_taken(self) -> None:
        levels = [noise(64, 96, 3), noise(32, 48, 3), noise(16, 24, 3)]
        viewer, layer = shown(
            Image(levels, multiscale=True, scale=(0.25, 0.25), units=["um", "um"])
        )
        assert picture_of(viewer, layer, PixelSize(0.62, 0.62)).shape == (32, 48)
        assert picture_of(viewer, layer, PixelSize(0.1, 0.1)).shape == (64, 96)
        assert picture_of(viewer, layer, PixelSize(1, 1)).shape == (16, 24)
        assert picture_of(viewer, layer).shape == (64, 96)

    def test_large_lazy_pictures_stay_lazy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layers, "EAGER_PIXELS", 100)
        data = noise(50, 70, 3)
        viewer, layer = shown(Image(da.from_array(data, chunks=(16, 16, 3)), rgb=True))
        lazy = picture_of(viewer, layer).colours()
        assert isinstance(lazy, LazyLevel)
        np.testing.assert_array_equal(lazy[10:40, 20:60], data[10:40, 20:60])

    def test_our_own_layers_are_not_offered(self) -> None:
        assert is_picture(colour(4, 4))
        assert not is_picture(Image(noise(4, 4), metadata={layers.OWN_KEY: "preview"}))
        assert not is_picture(Labels(noise(4, 4)))


class TestPixelSize:
    def test_none_without_a_unit_of_length(self) -> None:
        assert pixel_size_of(colour(4, 4, scale=(0.5, 0.5))) is None

    @pytest.mark.parametrize(("unit", "scale"), [("um", 0.5), ("mm", 0.0005), ("nm", 500)])
    def test_units_are_turned_into_micrometres(self, unit: str, scale: float) -> None:
        layer = colour(4, 4, scale=(scale, 2 * scale), units=[unit, unit])
        size = pixel_size_of(layer)
        assert size is not None
        assert (size.y, size.x) == pytest.approx((0.5, 1.0))

    def test_rotation_does_not_change_it_but_the_affine_does(self) -> None:
        layer = colour(4, 4, scale=(0.5, 1), rotate=30, units=["um", "um"])
        size = pixel_size_of(layer)
        assert size is not None
        assert (size.y, size.x) == pytest.approx((0.5, 1.0))
        layer.affine = np.diag([2.0, 2.0, 1.0])
        size = pixel_size_of(layer)
        assert size is not None
        assert (size.y, size.x) == pytest.approx((1.0, 2.0))


def test_world_coordinates_in_another_unit() -> None:
    layer = colour(4, 4, scale=(0.5, 0.5), units=["um", "um"])
    millimetres = colour(4, 4, units=["mm", "mm"])
    point = world_to_layer(layer, [[0.001, 0.002]], millimetres.units)
    np.testing.assert_allclose(point, [[2, 4]])
    np.testing.assert_allclose(world_to_layer(layer, [[9, 9, 1, 2]]), [[2, 4]])
    np.testing.assert_allclose(world_to_layer(layer, [[1, 2]], Image(noise(4, 4)).units), [[2, 4]])


def test_a_layer_is_found_by_its_id_while_it_is_there() -> None:
    viewer, layer = shown(Image(noise(20, 30)))
    assert layer_by_id(viewer, layer.unique_id) is layer
    viewer.layers.remove(layer)
    assert layer_by_id(viewer, layer.unique_id) is None
    assert layer_by_id(viewer, None) is None
