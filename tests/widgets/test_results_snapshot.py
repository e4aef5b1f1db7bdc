"""What is taken down of a result and its image before a job starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.outputs import CORRECTED
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.result_info import RESULT_KEY, mark_touched
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.results_job import origin_of
from napari_selfreg.widgets.results_snapshot import (
    full_shape,
    image_of,
    stem_of,
    take_import,
    take_snapshot,
)
from tests.widgets.fakes import Objects
from tests.widgets.pictures import noise
from tests.widgets.results_steps import info_for, picture_for, squares, table_for
from tests.widgets.test_result_info import make_info

SOURCE = SourceInfo(Path("somewhere") / "case 7.tif", "case 7", PixelSize(0.5, 0.5), False)


@pytest.fixture
def viewer() -> ViewerModel:
    model = ViewerModel()
    model.add_image(noise(40, 70, 3), rgb=True, name="field", scale=(0.5, 0.5), units=["um", "um"])
    return model


def add_labels(viewer: ViewerModel, **changes: Any) -> Any:
    info = make_info(
        **({"image_layer_id": viewer.layers["field"].unique_id, "box": Box(0, 0, 40, 70)} | changes)
    )
    labels = np.zeros((40, 70), np.int32)
    labels[3:9, 4:20] = 1
    return viewer.add_labels(labels, name="found", metadata={RESULT_KEY: info})


def test_a_snapshot_knows_labels_image_and_size(viewer: ViewerModel) -> None:
    layer = add_labels(viewer)
    taken = take_snapshot(viewer, layer)
    np.testing.assert_array_equal(taken.labels, layer.data)
    assert taken.picture is not None
    assert taken.full_shape == (40, 70)
    assert taken.examined == Box(0, 0, 40, 70)
    assert image_of(viewer, layer) is viewer.layers["field"]


def test_files_say_what_a_person_has_changed(viewer: ViewerModel) -> None:
    layer = add_labels(viewer)
    members = origin_of(take_snapshot(viewer, layer), {"class": np.array(["gland"])}).members()
    assert CORRECTED not in members
    mark_touched(layer)
    members = origin_of(take_snapshot(viewer, layer), {"class": np.array(["gland"])}).members()
    assert members[CORRECTED] is True


def test_the_image_may_be_gone(viewer: ViewerModel) -> None:
    layer = add_labels(viewer)
    viewer.layers.remove("field")
    taken = take_snapshot(viewer, layer)
    assert taken.picture is None
    assert taken.full_shape is None


def test_an_image_at_another_resolution_is_not_taken_for_the_same(viewer: ViewerModel) -> None:
    layer = add_labels(viewer, factors=(4.0, 4.0))
    taken = take_snapshot(viewer, layer)
    assert taken.picture is None
    assert taken.full_shape == (40, 70)


def test_a_result_of_a_slice_is_measured_on_that_slice() -> None:
    labels, viewer = squares(), ViewerModel()
    pale = np.full((*labels.shape, 3), 250, np.uint8)
    stack = np.stack([pale, picture_for(labels), pale])
    image = viewer.add_image(stack, rgb=True, scale=(1, 0.5, 0.5), units=["um"] * 3)
    viewer.dims.set_current_step(0, 1)
    info = info_for(labels, image_layer_id=image.unique_id)
    found = Objects(labels, info.box, table_for(labels, info))
    layer = add_result(viewer, image, picture_of(viewer, image), found, "found", info)
    for shown in (0, 1, 2):
        viewer.dims.set_current_step(0, shown)
        taken = take_snapshot(viewer, layer)
        assert taken.picture is not None
        np.testing.assert_array_equal(taken.picture.colours(), stack[1])
    image.data = stack[:1]
    assert take_snapshot(viewer, layer).picture is None


def test_only_results_are_taken(viewer: ViewerModel) -> None:
    plain = viewer.add_labels(np.zeros((4, 4), int), name="mine")
    assert image_of(viewer, plain) is None
    with pytest.raises(BadInputError, match="“mine” is no result"):
        take_snapshot(viewer, plain)


def test_imports_need_a_pixel_size(viewer: ViewerModel, tmp_path: Path) -> None:
    taken = take_import(viewer, viewer.layers["field"], tmp_path / "labels.tif")
    assert taken.path == tmp_path / "labels.tif"
    viewer.layers["field"].units = ("pixel", "pixel")
    with pytest.raises(BadInputError, match="how large its pixels are"):
        take_import(viewer, viewer.layers["field"], tmp_path / "labels.tif")


def test_the_name_is_that_of_the_file_where_there_is_one(viewer: ViewerModel) -> None:
    image = viewer.layers["field"]
    assert stem_of(image) == "field"
    image.metadata[SOURCE_KEY] = SOURCE
    assert stem_of(image) == "case 7"


def test_a_pyramid_has_the_size_of_its_finest_level() -> None:
    viewer = ViewerModel()
    levels = [noise(64, 96, 3), noise(32, 48, 3)]
    image = viewer.add_image(levels, rgb=True, multiscale=True)
    assert full_shape(image, None) == (64, 96)
