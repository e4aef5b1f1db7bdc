"""The draft stands in for a result, exactly on it, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.relabel import Draft
from napari_selfreg.core.types import Box
from napari_selfreg.widgets.draft_layer import DraftLayer
from napari_selfreg.widgets.layers import is_picture, picture_of
from napari_selfreg.widgets.result_layer import add_result
from tests.widgets.fakes import Objects
from tests.widgets.test_result_info import make_info

BOX = Box(4, 6, 44, 66)


@pytest.fixture
def scene() -> Any:
    viewer = ViewerModel()
    pixels = np.full((50, 70, 3), 200, np.uint8)
    image = viewer.add_image(
        pixels, rgb=True, name="field", scale=(0.5, 0.25), translate=(3, 7), units=["um", "um"]
    )
    picture = picture_of(viewer, image)
    labels = np.zeros(BOX.shape, np.int32)
    labels[5:15, 5:15] = 1
    info = make_info(box=BOX, image_layer_id=image.unique_id)
    result = add_result(
        viewer, image, picture, Objects(labels, BOX, {"index": np.array([1])}), "found", info
    )
    return viewer, image, picture, result, info


def a_draft(box: Box, step: int = 1, value: int = 3) -> Draft:
    rows, columns = (-(-side // step) for side in box.shape)
    labels = np.zeros((rows, columns), np.int32)
    labels[0, 0] = value
    return Draft(labels, box, step)


@pytest.mark.parametrize("step", [1, 2])
def test_it_lies_on_its_place_in_the_image(scene, step: int) -> None:
    viewer, image, picture, result, info = scene
    draft = DraftLayer(viewer)
    box = Box(8, 10, 28, 30)
    draft.show(a_draft(box, step), result, info, image, picture)
    corner = np.array(draft.layer.data_to_world((-0.5, -0.5)))
    wanted = np.array(image.data_to_world((info.box.y0 + box.y0 - 0.5, info.box.x0 + box.x0 - 0.5)))
    np.testing.assert_allclose(corner, wanted)
    np.testing.assert_allclose(draft.layer.scale, np.array(image.scale) * step)
    assert not is_picture(draft.layer)


def test_the_result_is_hidden_meanwhile_and_comes_back(scene) -> None:
    viewer, image, picture, result, info = scene
    before = set(viewer.layers.selection)
    draft = DraftLayer(viewer)
    draft.show(a_draft(Box(0, 0, 20, 20)), result, info, image, picture)
    assert not result.visible
    assert set(viewer.layers.selection) == before
    draft.remove()
    assert result.visible
    assert draft.layer is None
    assert [layer.name for layer in viewer.layers] == ["field", "found"]
    draft.remove()  # a second time changes nothing


def test_a_hidden_result_stays_hidden(scene) -> None:
    viewer, image, picture, result, info = scene
    result.visible = False
    draft = DraftLayer(viewer)
    draft.show(a_draft(Box(0, 0, 20, 20)), result, info, image, picture)
    draft.remove()
    assert not result.visible


def test_the_same_view_reuses_the_layer_and_another_one_does_not(scene) -> None:
    viewer, image, picture, result, info = scene
    draft = DraftLayer(viewer)
    draft.show(a_draft(Box(0, 0, 20, 20)), result, info, image, picture)
    first = draft.layer
    draft.show(a_draft(Box(0, 0, 20, 20), value=9), result, info, image, picture)
    assert draft.layer is first
    assert first.data[0, 0] == 9
    draft.show(a_draft(Box(0, 0, 10, 10)), result, info, image, picture)
    assert draft.layer is not first
    assert len(viewer.layers) == 3


def test_a_person_may_delete_it(scene) -> None:
    viewer, image, picture, result, info = scene
    draft = DraftLayer(viewer)
    draft.show(a_draft(Box(0, 0, 20, 20)), result, info, image, picture)
    viewer.layers.remove(draft.layer)
    assert draft.layer is None
    draft.remove()
    assert result.visible
