from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.layers import EXTRA, OWN_KEY
from napari_selfreg.widgets.result_info import RESULT_KEY, ResultInfo, result_info
from tests.widgets.pictures import noise, opened


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def stage(viewer: ViewerModel) -> FieldStage:
    return FieldStage(viewer)


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def fields(letters: str) -> list[Field]:
    return [Field(Path(f"{letter}.png")) for letter in letters]


def info_for(image) -> ResultInfo:
    one = PixelSize(1, 1)
    return ResultInfo(
        "m", "M", "", ("x",), one, "file", PostProcessing(), image.unique_id, "a", Box(0, 0, 8, 9)
    )


def test_one_field_at_a_time_with_what_lies_on_it(viewer, stage) -> None:
    a, b = fields("ab")
    first = stage.show(a, opened("a"))
    labels = viewer.add_labels(np.zeros((8, 9), int), name="mine")
    second = stage.show(b, opened("b"))
    assert names(viewer) == ["b"]
    assert (stage.field, stage.image) == (b, second)
    assert a.layers == [labels]
    assert stage.has(a)
    assert stage.show(a) is first
    assert names(viewer) == ["a", "mine"]
    assert viewer.layers.selection.active is labels
    assert a.layers == []


def test_undo_of_a_person_survives(viewer, stage) -> None:
    a, b = fields("ab")
    stage.show(a, opened("a"))
    labels = viewer.add_labels(np.zeros((8, 9), int))
    labels.data_setitem((np.array([1]), np.array([1])), 5)
    stage.show(b, opened("b"))
    stage.show(a)
    assert labels.data[1, 1] == 5
    labels.undo()
    assert labels.data[1, 1] == 0


def test_previews_go_and_other_images_stay(viewer, stage) -> None:
    a, b = fields("ab")
    other = viewer.add_image(noise(4, 4, 3), rgb=True, name="other")
    stage.show(a, opened("a"))
    viewer.add_image(noise(4, 4), name="preview", metadata={OWN_KEY: "preview"})
    viewer.add_shapes(name="guide", metadata={OWN_KEY: "guide"})
    stage.show(b, opened("b"))
    assert names(viewer) == ["other", "b"]
    stage.clear()
    assert list(viewer.layers) == [other]
    assert a.layers == []
    assert stage.field is None


def test_what_a_person_has_asked_for_comes_back(viewer, stage) -> None:
    a, b = fields("ab")
    stage.show(a, opened("a"))
    viewer.add_image(noise(8, 9), name="a uncertainty", metadata={OWN_KEY: EXTRA})
    viewer.add_labels(np.zeros((8, 9), int), name="a spots")
    stage.show(b, opened("b"))
    assert names(viewer) == ["b"]
    stage.show(a)
    assert names(viewer) == ["a", "a uncertainty", "a spots"]


def test_images_that_were_long_ago_are_opened_anew(viewer, stage) -> None:
    every = fields("abcde")
    first = stage.show(every[0], opened("a"))
    result = viewer.add_labels(np.zeros((8, 9), int), metadata={RESULT_KEY: info_for(first)})
    for field in every[1:]:
        stage.show(field, opened(field.stem))
    assert [stage.has(field) for field in every] == [False, False, True, True, True]
    image = stage.show(every[0], opened("a"))
    assert image is not first
    # The result goes on knowing on which layer it lies.
    assert result_info(result).image_layer_id == image.unique_id


def test_a_layer_that_is_there_already_is_taken(viewer, stage) -> None:
    a, b = fields("ab")
    stage.show(a, opened("a"))
    arrived = viewer.add_image(noise(8, 9, 3), rgb=True, name="b")
    stage.adopt(b, arrived)
    assert names(viewer) == ["b"]
    assert stage.image is arrived
    stage.adopt(b, arrived)
    assert stage.field is b


def test_a_removed_image_is_no_longer_shown(viewer, stage) -> None:
    (a,) = fields("a")
    viewer.layers.remove(stage.show(a, opened("a")))
    assert stage.image is None
    stage.lose()
    assert (stage.field, stage.has(a)) == (None, False)


def test_nothing_is_kept_of_a_forgotten_field(viewer, stage) -> None:
    a, b = fields("ab")
    stage.show(a, opened("a"))
    viewer.add_points()
    stage.forget(a)
    assert (names(viewer), a.layers, stage.has(a)) == ([], [], False)
    stage.forget(b)


def test_it_says_when_layers_come_and_go_because_of_it(viewer, stage) -> None:
    seen: list[bool] = []
    viewer.layers.events.inserted.connect(lambda event: seen.append(stage.working))
    viewer.layers.events.removed.connect(lambda event: seen.append(stage.working))
    a, b = fields("ab")
    stage.show(a, opened("a"))
    stage.show(b, opened("b"))
    viewer.add_points()
    assert seen == [True, True, True, False]


def test_a_field_is_fitted_again_unless_a_person_has_moved_it(
    stage: FieldStage, viewer: ViewerModel
) -> None:
    (a,) = fields("a")
    stage.show(a, opened("a"))
    before = viewer.scene.camera.zoom
    viewer.canvas.size = tuple(side // 2 for side in viewer.canvas.size)  # docks have grown
    stage.fit_again()
    assert viewer.scene.camera.zoom < before
    viewer.scene.camera.zoom = before
    stage.fit_again()
    assert viewer.scene.camera.zoom == before
    stage.clear()
    stage.fit_again()
