from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box
from napari_selfreg.widgets import result_layer
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.result_layer import COLOURS, add_result, outline_width
from napari_selfreg.widgets.settings import Settings
from tests.widgets.fakes import Objects
from tests.widgets.pictures import colour


def objects(box: Box) -> Objects:
    labels = np.zeros(box.shape, np.int32)
    labels[1:4, 1:4] = 1
    labels[5:7, 1:4] = 2
    return Objects(labels, box, {"index": np.array([1, 2]), "area_um2": np.array([9.0, 6.0])})


@pytest.mark.parametrize("limit", [10, 10_000])
def test_small_images_get_whole_results_and_large_ones_a_piece(monkeypatch, limit: int) -> None:
    monkeypatch.setattr(result_layer, "WHOLE_PLANE_PIXELS", limit)
    viewer, box = ViewerModel(), Box(30, 40, 38, 50)
    image = viewer.add_layer(colour(60, 80, scale=(0.5, 0.5), translate=(3, 4)))
    found = add_result(viewer, image, picture_of(viewer, image), objects(box), "spots")
    assert found.data.shape == ((8, 10) if limit == 10 else (60, 80))
    world = image.data_to_world((32, 42))
    assert found.get_value(world, world=True) == 1
    assert found.data.dtype == np.int32
    assert found.contour == outline_width(found.data.shape)
    assert not found._undo_history


def test_neighbouring_ids_have_different_bright_colours() -> None:
    viewer = ViewerModel()
    image = viewer.add_layer(colour(60, 80))
    found = add_result(viewer, image, picture_of(viewer, image), objects(Box(0, 0, 8, 10)), "spots")
    colours = np.array([found.get_color(label) for label in range(1, 11)])
    assert len(np.unique(colours, axis=0)) == len(COLOURS)
    assert (np.abs(np.diff(colours, axis=0)).max(axis=1) > 0.2).all()
    assert found.get_color(0) is None


def test_large_results_are_filled_and_half_transparent(monkeypatch) -> None:
    viewer, box = ViewerModel(), Box(0, 0, 8, 10)
    image = viewer.add_layer(colour(60, 80))
    picture = picture_of(viewer, image)
    assert add_result(viewer, image, picture, objects(box), "spots").opacity == 1
    monkeypatch.setattr(result_layer, "OUTLINED_PIXELS", 100)
    filled = add_result(viewer, image, picture, objects(box), "spots")
    assert filled.contour == 0
    assert filled.opacity < 0.5
    assert filled.name == "spots [1]"


def test_outlines_look_as_the_person_has_set_them(monkeypatch) -> None:
    chosen = Settings(outline_colour="#00ffff", outline_width=3)
    monkeypatch.setattr(result_layer, "settings", lambda: chosen)
    viewer = ViewerModel()
    image = viewer.add_layer(colour(60, 80))
    found = add_result(viewer, image, picture_of(viewer, image), objects(Box(0, 0, 8, 10)), "spots")
    assert found.contour == 3
    np.testing.assert_allclose(found.get_color(1), (0, 1, 1, 1))
    np.testing.assert_allclose(found.get_color(2), (0, 1, 1, 1))
    assert found.visible


def test_outlines_grow_with_the_image() -> None:
    assert outline_width((224, 224)) == 1
    assert outline_width((2220, 2967)) == 5


def test_measurements_belong_to_their_objects() -> None:
    viewer = ViewerModel()
    image = viewer.add_layer(colour(60, 80))
    found = add_result(viewer, image, picture_of(viewer, image), objects(Box(0, 0, 8, 10)), "spots")
    assert list(found.features.columns) == ["index", "area_um2"]
    status = found.get_status((2, 2), world=True)
    assert "area_um2: 9" in status["coordinates"]
