from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.placement import expand, placement
from tests.widgets.pictures import colour, noise, shown, world_of

numbers = st.floats(-50, 50)
positive = st.floats(0.1, 10)


class TestPlacement:
    @given(
        scale=st.tuples(positive, positive),
        translate=st.tuples(numbers, numbers),
        rotate=st.floats(-180, 180),
        shear=st.floats(-1, 1),
        origin=st.tuples(st.integers(0, 10), st.integers(0, 10)),
        affine=st.tuples(positive, numbers),
    )
    @settings(deadline=None, max_examples=30)
    def test_pixels_lie_on_their_pixels(
        self, scale, translate, rotate, shear, origin, affine
    ) -> None:
        layer = colour(
            20,
            30,
            scale=scale,
            translate=translate,
            rotate=rotate,
            shear=[shear],
            affine=[[affine[0], 0.3, affine[1]], [0, 1.5, 2], [0, 0, 1]],
            units=["um", "um"],
            axis_labels=["y", "x"],
        )
        viewer, _ = shown(layer)
        picture = picture_of(viewer, layer)
        result = Labels(np.zeros((5, 6), np.int32), **placement(layer, picture, origin))
        there = world_of(result, 2, 3)
        expected = world_of(layer, origin[0] + 2, origin[1] + 3)
        np.testing.assert_allclose(there, expected, atol=1e-6)
        assert result.units == layer.units
        assert result.axis_labels == ("y", "x")

    def test_on_a_slice_of_an_anisotropic_stack(self) -> None:
        stack = colour(7, 20, 30, scale=(4, 0.5, 0.25), translate=(10, -3, 8))
        viewer, layer = shown(stack)
        viewer.dims.set_current_step(0, 5)
        picture = picture_of(viewer, layer)
        plane = expand(np.zeros((4, 5), np.int32), picture)
        result = Labels(plane, **placement(layer, picture, (2, 3)))
        assert result.data.shape == (1, 4, 5)
        np.testing.assert_allclose(world_of(result, 0, 1, 1), world_of(layer, 5, 3, 4))

    def test_coarse_pixels_cover_whole_blocks(self) -> None:
        levels = [noise(64, 96, 3), noise(16, 24, 3)]
        layer = Image(levels, multiscale=True, scale=(0.25, 0.5), units=["um", "um"])
        viewer, _ = shown(layer)
        picture = picture_of(viewer, layer, PixelSize(1, 2))
        result = Labels(np.zeros(picture.shape, np.int32), **placement(layer, picture))
        np.testing.assert_allclose(world_of(result, -0.5, -0.5), world_of(layer, -0.5, -0.5))
        np.testing.assert_allclose(world_of(result, 15.5, 23.5), world_of(layer, 63.5, 95.5))

    def test_channels_are_dropped(self) -> None:
        data = noise(3, 20, 30)
        layer = Image(data, rgb=False, scale=(9, 0.5, 0.25), translate=(7, 1, 2))
        viewer, _ = shown(layer)
        picture = picture_of(viewer, layer)
        result = Labels(np.zeros((20, 30), np.int32), **placement(layer, picture))
        np.testing.assert_allclose(world_of(result, 2, 3), world_of(layer, 0, 2, 3)[1:])

    @given(point=st.tuples(st.floats(0, 60), st.floats(0, 90)))
    @settings(deadline=None, max_examples=20)
    def test_picture_and_data_coordinates_are_inverse(self, point) -> None:
        levels = [noise(64, 96, 3), noise(16, 24, 3)]
        layer = Image(levels, multiscale=True, units=["um", "um"])
        viewer, _ = shown(layer)
        picture = picture_of(viewer, layer, PixelSize(4, 4))
        there = picture.to_picture(np.array([point]))[0]
        np.testing.assert_allclose(picture.to_data(*there), point, atol=1e-9)
