from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.finetune.places import image_layer_of, place_of
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from tests.widgets.finetune.cases import new_project


def add_image(viewer: ViewerModel, path: Path, **options: Any) -> Any:
    layer = viewer.add_image(np.zeros((64, 80, 3), np.uint8), rgb=True, **options)
    layer.metadata[SOURCE_KEY] = SourceInfo(path, path.stem, PixelSize(1, 1), False)
    return layer


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def test_the_layer_of_the_field_is_found_not_that_of_another(viewer, project) -> None:
    one = add_image(viewer, project.images.path("f1"))
    two = add_image(viewer, project.images.path("f2"))
    assert image_layer_of(viewer, project, "f1") is one
    assert image_layer_of(viewer, project, "f2") is two


def test_of_two_layers_the_visible_one_is_meant(viewer, project) -> None:
    hidden = add_image(viewer, project.images.path("f1"), visible=False)
    assert image_layer_of(viewer, project, "f1") is hidden
    shown = add_image(viewer, project.images.path("f1"))
    assert image_layer_of(viewer, project, "f1") is shown


def test_labels_and_images_without_a_file_are_passed_over(viewer, project) -> None:
    viewer.add_image(np.zeros((64, 80)))
    labels = viewer.add_labels(np.zeros((64, 80), np.int32))
    path = project.images.path("f1")
    labels.metadata[SOURCE_KEY] = SourceInfo(path, "field0", PixelSize(1, 1), False)
    assert image_layer_of(viewer, project, "f1") is None
    assert place_of(viewer, project, "f1") is None


def test_a_path_that_leads_there_in_another_way_is_the_same(viewer, project) -> None:
    path = project.images.path("f1")
    layer = add_image(viewer, path.parent / "." / ".." / path.parent.name / path.name)
    assert image_layer_of(viewer, project, "f1") is layer


def test_labels_lie_as_the_image_lies(viewer, project) -> None:
    add_image(viewer, project.images.path("f1"), scale=(0.5, 0.25), translate=(3, 4))
    place = place_of(viewer, project, "f1")
    assert place is not None
    assert place["scale"] == (0.5, 0.25)
    assert place["translate"] == (3.0, 4.0)
    made = viewer.add_labels(np.zeros((64, 80), np.int32), **place)
    np.testing.assert_allclose(made.data_to_world((5, 7)), viewer.layers[0].data_to_world((5, 7)))


def test_pixels_of_a_part_at_another_scale_lie_on_those_they_cover(viewer, tmp_path) -> None:
    opened = new_project(
        tmp_path, 1, image_shape=(200, 300), offset=(10.0, 20.0), downsample=(2.0, 4.0)
    )
    with opened:
        image = add_image(viewer, opened.images.path("f1"), scale=(0.5, 0.5))
        place = place_of(viewer, opened, "f1")
    assert place is not None
    made = viewer.add_labels(np.zeros((64, 80), np.int32), **place)
    for row, column in ((0, 0), (3, 5)):
        # the middle of what the pixel covers: 2 × 4 pixels of the image
        middle = (10 + 2 * row + 0.5, 20 + 4 * column + 1.5)
        np.testing.assert_allclose(made.data_to_world((row, column)), image.data_to_world(middle))
