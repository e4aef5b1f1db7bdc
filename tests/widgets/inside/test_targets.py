from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.inside.targets import label_layers, object_at, objects_in
from napari_selfreg.widgets.layers import OWN_KEY, picture_of

OBJECTS = np.zeros((20, 30), int)
OBJECTS[4:10, 6:14] = 3


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def test_the_topmost_layer_of_objects_comes_first(viewer) -> None:
    below, above = viewer.add_labels(OBJECTS, name="below"), viewer.add_labels(OBJECTS)
    viewer.add_image(np.zeros((20, 30)))
    viewer.add_labels(OBJECTS, metadata={OWN_KEY: "preview"})
    assert label_layers(viewer) == [above, below]


def test_the_topmost_visible_object_is_found(viewer) -> None:
    below = viewer.add_labels(OBJECTS, name="below")
    above = viewer.add_labels(OBJECTS * 2, name="above", translate=(0, 4))
    assert object_at(viewer, (5, 12)) == (above, 6)
    assert object_at(viewer, (5, 7)) == (below, 3)  # nothing lies above it here
    assert object_at(viewer, (0, 0)) is None
    assert object_at(viewer, (500, 500)) is None
    above.visible = False
    assert object_at(viewer, (5, 12)) == (below, 3)


def test_places_outside_of_the_layer_have_no_object(viewer) -> None:
    image = viewer.add_image(np.zeros((40, 50, 3), np.uint8), rgb=True)
    labels = viewer.add_labels(np.full((10, 10), 5), translate=(35, -4))
    found = objects_in(image, picture_of(viewer, image), Box(0, 0, 40, 50), labels)
    expected = np.zeros((40, 50), int)
    expected[35:40, 0:6] = 5
    np.testing.assert_array_equal(found, expected)


def test_objects_of_the_slice_that_is_seen_are_taken(viewer) -> None:
    image = viewer.add_image(np.zeros((3, 20, 30, 3), np.uint8), rgb=True)
    labels = viewer.add_labels(np.stack([OBJECTS * 0, OBJECTS, OBJECTS * 2]))
    for step, number in ((0, 0), (1, 3), (2, 6)):
        viewer.dims.set_current_step(0, step)
        found = objects_in(image, picture_of(viewer, image), Box(0, 0, 20, 30), labels)
        assert found.max() == number


def test_a_turned_layer_is_read_where_it_lies(viewer) -> None:
    image = viewer.add_image(np.zeros((30, 20, 3), np.uint8), rgb=True)
    # Rows of the objects run along the columns of the picture.
    turned = viewer.add_labels(OBJECTS, affine=np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]]))
    found = objects_in(image, picture_of(viewer, image), Box(0, 0, 30, 20), turned)
    np.testing.assert_array_equal(found, OBJECTS.T)


def test_hidden_and_foreign_layers_are_not_changed(viewer) -> None:
    labels = viewer.add_labels(OBJECTS)
    before = labels.data.copy()
    image = viewer.add_image(np.zeros((20, 30, 3), np.uint8), rgb=True)
    found = objects_in(image, picture_of(viewer, image), Box(2, 3, 12, 20), labels)
    found[:] = 9
    np.testing.assert_array_equal(labels.data, before)
    assert found.dtype == np.int64


@pytest.mark.parametrize("scale", [(0.5, 0.5), (2, 3)])
def test_channels_before_the_rows_are_no_place(viewer, scale: tuple[float, float]) -> None:
    planes = viewer.add_image(np.zeros((3, 20, 30), np.uint8), scale=(1, *scale))
    picture = replace(picture_of(viewer, planes), channel_axis=0)
    labels = viewer.add_labels(OBJECTS, scale=scale)
    found = objects_in(planes, picture, Box(0, 0, 20, 30), labels)
    np.testing.assert_array_equal(found, OBJECTS)
