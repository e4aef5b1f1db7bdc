from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.inside.kinds import kind_of
from napari_selfreg.widgets.inside.looking import Looked, LookRequest
from napari_selfreg.widgets.inside.map_layers import OWN_NAME, MapLayers
from napari_selfreg.widgets.inside.painting import Painted
from napari_selfreg.widgets.layers import OWN_KEY, is_picture, picture_of
from tests.widgets.inside.fakes import inside_of

BOX = Box(0, 0, 60, 80)
ENERGY, PATTERNS = kind_of("energy"), kind_of("pca")


@pytest.fixture
def shown(field: np.ndarray) -> tuple[ViewerModel, MapLayers, Looked]:
    viewer = ViewerModel()
    image = viewer.add_image(field, name="field", rgb=True, units=["um", "um"])
    viewer.add_labels(np.zeros((60, 80), int), name="objects")
    request = LookRequest(
        image.unique_id, picture_of(viewer, image), BOX, PixelSize(1, 1), (), ("a", "b")
    )
    looked = Looked(request, (inside_of(field, BOX, "a"), inside_of(field, BOX, "b")))
    return viewer, MapLayers(viewer), looked


def a_map(side: int, block: str, value: float = 1.0, rows: int = 60, columns: int = 80) -> Painted:
    return Painted(side, block, np.full((rows, columns), value, np.float32), (0.0, 2.0))


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_maps_stand_between_image_and_objects_in_order(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "E2", rows=30, columns=40), a_map(0, "D1")])
    assert names(viewer) == ["field", "E2 · energy · a", "D1 · energy · a", "objects"]
    layers.show(looked, ENERGY, [a_map(0, "E1"), a_map(1, "E1"), a_map(0, "D1")])
    assert names(viewer) == [
        "field",
        "E1 · energy · a",
        "E1 · energy · b",
        "D1 · energy · a",
        "objects",
    ]


def test_a_layer_is_changed_in_place_with_all_that_belongs_to_it(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1", 1.0)])
    before = viewer.layers["D1 · energy · a"]
    layers.show(looked, kind_of("channel"), [a_map(0, "D1", 1.5)], (3,))
    after = viewer.layers["D1 · channel 3 · a"]
    assert after is before
    assert after.colormap.name == "viridis"
    assert tuple(after.contrast_limits) == (0, 2)
    assert float(after.data[0, 0]) == 1.5


def test_colours_need_another_layer_at_the_same_place(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    colours = Painted(0, "D1", np.zeros((60, 80, 3), np.uint8))
    layers.show(looked, PATTERNS, [colours])
    assert names(viewer) == ["field", "D1 · patterns · a", "objects"]
    assert viewer.layers[1].rgb
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert names(viewer) == ["field", "D1 · energy · a", "objects"]


def test_ours_are_never_offered_as_a_picture_nor_take_the_selection(shown) -> None:
    viewer, layers, looked = shown
    viewer.layers.selection.active = viewer.layers["objects"]
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    ours = viewer.layers["D1 · energy · a"]
    assert ours.metadata == {OWN_KEY: OWN_NAME}
    assert not is_picture(ours)
    assert viewer.layers.selection.active is viewer.layers["objects"]
    layers.clear()
    assert viewer.layers.selection.active is viewer.layers["objects"]


def test_a_layer_a_person_has_removed_comes_back_with_the_next_map(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    viewer.layers.remove("D1 · energy · a")
    assert layers.keys == ()
    assert layers.layers() == []
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert layers.keys == ((0, "D1"),)


def test_a_person_may_move_rename_and_scale_the_image_meanwhile(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    image = viewer.layers["field"]
    image.name, image.scale, image.translate = "other", (0.5, 0.5), (7, 8)
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    ours = viewer.layers["D1 · energy · a"]
    np.testing.assert_allclose(ours.extent.world, image.extent.world)


def test_without_its_image_or_with_another_one_there_are_no_maps(shown, field) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    viewer.layers["field"].data = field[:30]
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert names(viewer) == ["field", "objects"]
    viewer.layers.remove("field")
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert names(viewer) == ["objects"]


def test_opacity_and_names_reach_all_of_ours_and_nothing_else(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "E1"), a_map(0, "D1")])
    layers.set_opacity(0.3)
    layers.set_named(True)
    assert [layer.opacity for layer in layers.layers()] == [0.3, 0.3]
    assert all(layer.name_overlay.visible for layer in layers.layers())
    assert viewer.layers["field"].opacity == 1
    assert not viewer.layers["field"].name_overlay.visible
    layers.set_named(False)
    assert not any(layer.name_overlay.visible for layer in layers.layers())


def test_nothing_enters_the_undo_history_of_her_labels(shown) -> None:
    viewer, layers, looked = shown
    objects = viewer.layers["objects"]
    objects.data_setitem((np.array([1]), np.array([2])), 5)
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    layers.show(looked, PATTERNS, [Painted(0, "D1", np.zeros((60, 80, 3), np.uint8))])
    layers.clear()
    assert objects.data[1, 2] == 5
    objects.undo()
    assert objects.data[1, 2] == 0
