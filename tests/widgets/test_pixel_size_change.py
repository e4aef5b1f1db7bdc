"""Another pixel size: what lies on the image follows, what does not stays."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.layers import OWN_KEY, REGIONS, pixel_size_of
from napari_selfreg.widgets.pixel_size_change import change_pixel_size
from napari_selfreg.widgets.result_info import IMPORTED, RESULT_KEY, ResultInfo, result_info

HALF = PixelSize(0.5, 0.5)
PLACE = {"scale": (1, 2), "translate": (2, 4), "units": ("um", "um")}


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer whose first layer is an image of 1 x 2 µm per pixel."""
    made = ViewerModel()
    image = made.add_image(np.zeros((40, 48, 3), np.uint8))
    assert not change_pixel_size(made, image, PixelSize(1, 2))
    return made


def info_on(image: object, model: str = "m") -> ResultInfo:
    return ResultInfo(
        *(model, "M", "", ("x",), PixelSize(1, 2), "file", PostProcessing()),
        *(image.unique_id, "a", Box(0, 0, 4, 4)),
    )


def test_results_follow_and_carry_the_new_size(viewer: ViewerModel) -> None:
    image = viewer.layers[0]
    metadata = {RESULT_KEY: info_on(image)}
    result = viewer.add_labels(np.zeros((4, 4), int), metadata=metadata, **PLACE)
    hidden = viewer.add_labels(np.zeros((4, 4), int), metadata=metadata, visible=False, **PLACE)
    assert change_pixel_size(viewer, image, HALF)
    assert pixel_size_of(image) == HALF
    for layer in (result, hidden):
        assert layer.scale == pytest.approx((0.5, 0.5))
        assert layer.translate == pytest.approx((1, 1))
        assert result_info(layer).pixel_size == HALF
        assert result_info(layer).um_source == "option"


def test_imported_labels_follow_but_no_model_saw_the_image(viewer: ViewerModel) -> None:
    image = viewer.layers[0]
    metadata = {RESULT_KEY: info_on(image, IMPORTED)}
    layer = viewer.add_labels(np.zeros((4, 4), int), metadata=metadata, **PLACE)
    assert not change_pixel_size(viewer, image, HALF)
    assert result_info(layer).pixel_size == HALF


def test_lengths_and_areas_follow_at_once(viewer: ViewerModel) -> None:
    image = viewer.layers[0]
    change_pixel_size(viewer, image, PixelSize(1, 1))
    info = replace(info_on(image), pixel_size=PixelSize(1, 1))
    table = {"index": [0, 1], "area_um2": [np.nan, 8.0], "perimeter_um": [np.nan, 10.0]}
    layer = viewer.add_labels(
        np.eye(4, dtype=int), features=table, metadata={RESULT_KEY: info}, scale=(1, 1)
    )
    change_pixel_size(viewer, image, HALF)
    assert layer.features["area_um2"][1] == pytest.approx(2)
    assert layer.features["perimeter_um"][1] == pytest.approx(5)


def drawn(viewer: ViewerModel) -> list[Layer]:
    """What a person, and we, have put onto an image; one of it is not in sight."""
    return [
        viewer.add_shapes([[[0, 0], [3, 3]]], **PLACE),
        viewer.add_image(np.zeros((3, 3)), metadata={OWN_KEY: "map"}, **PLACE),
        viewer.add_labels(np.zeros((3, 3), int), visible=False, **PLACE),
        viewer.add_points(np.empty((0, 2)), **PLACE),
    ]


def test_what_is_drawn_or_shown_on_the_image_stays_on_its_tissue(viewer: ViewerModel) -> None:
    image = viewer.layers[0]
    for layer in drawn(viewer):
        pixel = image.world_to_data(layer.data_to_world((1, 1)))
        change_pixel_size(viewer, image, HALF)
        assert image.world_to_data(layer.data_to_world((1, 1))) == pytest.approx(pixel)
        change_pixel_size(viewer, image, PixelSize(1, 2))


def test_where_two_images_lie_on_each_other_only_results_follow(viewer: ViewerModel) -> None:
    image, layers = viewer.layers[0], drawn(viewer)
    second = viewer.add_image(np.zeros((40, 48)), scale=(1, 2), units=("um", "um"))
    result = viewer.add_labels(np.eye(4, dtype=int), metadata={RESULT_KEY: info_on(image)}, **PLACE)
    change_pixel_size(viewer, image, HALF)
    assert result.scale == pytest.approx((0.5, 0.5))
    assert all(layer.scale == pytest.approx((1, 2)) for layer in (*layers, second))


def test_what_belongs_to_another_image_or_unit_stays(viewer: ViewerModel) -> None:
    image, values = viewer.layers[0], np.zeros((4, 4), int)
    far = {**PLACE, "translate": (500, 500)}
    second = viewer.add_image(np.zeros((4, 4)), **far)
    others = [
        second,
        viewer.add_labels(values, metadata={RESULT_KEY: info_on(second)}, **PLACE),
        viewer.add_labels(values, **far),
        viewer.add_labels(values, **{**PLACE, "units": ("mm", "mm")}),
        viewer.add_shapes([[[0, 0], [3, 3]]], metadata={OWN_KEY: REGIONS}, **PLACE),
    ]
    change_pixel_size(viewer, image, HALF)
    assert all(layer.scale == pytest.approx((1, 2)) for layer in others)


def test_the_image_stays_where_it_is_on_the_screen() -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((40, 80)), units=("pixel", "pixel"))
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 20, 40), 8.0
    change_pixel_size(viewer, image, PixelSize(0.5, 0.5))
    assert camera.center == pytest.approx((0, 10, 20))
    assert camera.zoom == pytest.approx(16)
    change_pixel_size(viewer, image, PixelSize(1, 0.25))
    assert camera.center == pytest.approx((0, 20, 10))
    assert camera.zoom == pytest.approx(16)
