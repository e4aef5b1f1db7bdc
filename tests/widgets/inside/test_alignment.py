"""A synthetic pattern of known place, seen through every kind of layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.inside.alignment import expand_map, map_axes, map_placement, map_point
from napari_selfreg.widgets.inside.targets import objects_in
from napari_selfreg.widgets.layers import picture_of
from tests.widgets.inside.fakes import block_maps

SPOT = (37, 22)
"""Row and column of the only dark pixel block: 4 × 4, on the grid of the coarsest map."""


def spotted(rows: int, columns: int) -> np.ndarray:
    image = np.full((rows, columns, 3), 255, np.uint8)
    image[36:40, 20:24] = 0
    return image


@pytest.mark.parametrize("block", ["E1", "E2", "B"])
@pytest.mark.parametrize(
    "place",
    [
        {},
        {"scale": (0.5, 0.25), "translate": (7, -3)},
        {"rotate": 30, "scale": (2, 3)},
        {"shear": [0.4], "translate": (1, 2)},
        {"affine": np.array([[0.0, 2.0, 5.0], [1.5, 0.0, 1.0], [0, 0, 1]]), "scale": (2, 1)},
    ],
    ids=["plain", "scaled", "rotated", "sheared", "affine"],
)
def test_the_spot_lies_where_it_lies_on_the_tissue(block: str, place: dict) -> None:
    image = Image(spotted(61, 83), rgb=True, **place)
    viewer = ViewerModel()
    viewer.add_layer(image)
    picture = picture_of(viewer, image)
    maps = block_maps(image.data, Box(8, 4, 60, 80), block)
    plane = maps.maps[0]
    shown = Image(
        expand_map(plane, picture), **map_placement(image, picture, maps.scale, maps.translate)
    )
    # The middle of all dark map pixels is the middle of the dark block.
    middle = np.argwhere(shown.data > 0.5).mean(axis=0)
    np.testing.assert_allclose(
        shown.data_to_world(middle), image.data_to_world((37.5, 21.5)), atol=1e-9
    )
    # Whatever is read at a place of the world is what the block saw there.
    value = shown.get_value(image.data_to_world(SPOT), world=True)
    assert value == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(map_point(image, image.data_to_world(SPOT), picture), SPOT)


def test_a_map_of_a_slice_lies_in_that_slice() -> None:
    stack = np.stack([np.zeros((61, 83, 3), np.uint8), spotted(61, 83)])
    viewer = ViewerModel()
    image = Image(stack, rgb=True, scale=(5, 0.5, 0.5))
    viewer.add_layer(image)
    viewer.dims.set_current_step(0, 1)
    picture = picture_of(viewer, image)
    maps = block_maps(stack[1], Box(0, 0, 61, 83), "E2")
    place = map_placement(image, picture, maps.scale, maps.translate)
    shown = Image(expand_map(maps.maps[0], picture), **place)
    assert shown.data.shape == (1, 31, 42)
    np.testing.assert_allclose(shown.data_to_world((0, 0, 0))[0], 5)
    np.testing.assert_allclose(shown.scale, (5, 1, 1))


def test_channels_that_come_first_are_no_axis_of_a_map() -> None:
    viewer = ViewerModel()
    image = Image(np.moveaxis(spotted(61, 83), -1, 0).copy(), axis_labels=("c", "y", "x"))
    viewer.add_layer(image)
    picture = picture_of(viewer, image)
    assert map_axes(picture) == (0, 1)
    maps = block_maps(spotted(61, 83), Box(0, 0, 61, 83), "E1")
    assert expand_map(maps.maps[0], picture).shape == (61, 83)


def test_objects_of_a_layer_come_onto_the_grid_of_the_picture() -> None:
    viewer = ViewerModel()
    image = Image(spotted(40, 50), rgb=True, scale=(0.5, 0.5), translate=(10, 20))
    viewer.add_layer(image)
    labels = np.zeros((20, 25), int)
    labels[5:10, 5:10] = 7
    # Half as fine, and shifted so that pixel edges meet.
    layer = viewer.add_labels(labels, scale=(1, 1), translate=(10.25, 20.25))
    picture = picture_of(viewer, image)
    found = objects_in(image, picture, Box(0, 0, 40, 50), layer)
    expected = np.zeros((40, 50), int)
    expected[10:20, 10:20] = 7
    np.testing.assert_array_equal(found, expected)
    part = objects_in(image, picture, Box(8, 9, 30, 31), layer)
    np.testing.assert_array_equal(part, expected[8:30, 9:31])
