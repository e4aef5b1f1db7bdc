from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.inside.kinds import PAIR, kind_of
from napari_selfreg.widgets.inside.looking import Looked, LookRequest
from napari_selfreg.widgets.inside.map_layers import OWN_NAME, MapLayers
from napari_selfreg.widgets.inside.painting import Painted
from napari_selfreg.widgets.layers import OWN_KEY, is_picture, picture_of
from tests.widgets.inside.fakes import BLOCKS, inside_of

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
    assert names(viewer) == ["field", "E2 · a · energy", "D1 · a · energy", "objects"]
    layers.show(looked, ENERGY, [a_map(0, "E1"), a_map(1, "E1"), a_map(0, "D1")])
    assert names(viewer) == [
        "field",
        "E1 · a · energy",
        "E1 · b · energy",
        "D1 · a · energy",
        "objects",
    ]


def test_a_layer_is_changed_in_place_with_all_that_belongs_to_it(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1", 1.0)])
    before = viewer.layers["D1 · a · energy"]
    layers.show(looked, kind_of("channel"), [a_map(0, "D1", 1.5)], (3,))
    after = viewer.layers["D1 · a · channel 3"]
    assert after is before
    assert after.colormap.name == "viridis"
    assert tuple(after.contrast_limits) == (0, 2)
    assert float(after.data[0, 0]) == 1.5


def test_colours_need_another_layer_at_the_same_place(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    colours = Painted(0, "D1", np.zeros((60, 80, 3), np.uint8))
    layers.show(looked, PATTERNS, [colours])
    assert names(viewer) == ["field", "D1 · a · patterns", "objects"]
    assert viewer.layers[1].rgb
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert names(viewer) == ["field", "D1 · a · energy", "objects"]


def test_ours_are_never_offered_as_a_picture_nor_take_the_selection(shown) -> None:
    viewer, layers, looked = shown
    viewer.layers.selection.active = viewer.layers["objects"]
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    ours = viewer.layers["D1 · a · energy"]
    assert ours.metadata == {OWN_KEY: OWN_NAME}
    assert not is_picture(ours)
    assert viewer.layers.selection.active is viewer.layers["objects"]
    layers.clear()
    assert viewer.layers.selection.active is viewer.layers["objects"]


def test_a_layer_a_person_has_removed_comes_back_with_the_next_map(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    viewer.layers.remove("D1 · a · energy")
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
    ours = viewer.layers["D1 · a · energy"]
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


def test_two_kinds_of_channels_are_told_apart_by_name(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, PAIR, [Painted(0, "B", np.zeros((60, 80, 4), np.uint8))], (2, 5))
    assert names(viewer) == ["field", "B · a · channels 2 + 5", "objects"]
    assert viewer.layers[1].rgb


def test_maps_that_are_no_longer_asked_for_go(shown) -> None:
    viewer, layers, looked = shown
    layers.show(looked, ENERGY, [a_map(0, "E1"), a_map(1, "E1"), a_map(0, "D1")])
    assert layers.keys == ((0, "E1"), (1, "E1"), (0, "D1"))
    kept = layers.layer((1, "E1"))
    layers.show(looked, ENERGY, [a_map(1, "E1")])
    assert layers.keys == ((1, "E1"),)
    assert layers.layer((1, "E1")) is kept
    assert layers.layer((0, "D1")) is None
    layers.show(looked, ENERGY, [])
    assert names(viewer) == ["field", "objects"]


def test_a_new_layer_has_the_opacity_that_is_set(shown) -> None:
    viewer, layers, looked = shown
    layers.set_opacity(0.25)
    layers.show(looked, ENERGY, [a_map(0, "D1")])
    assert viewer.layers["D1 · a · energy"].opacity == 0.25


def test_names_are_as_large_as_their_place_lets_them_be(shown) -> None:
    _, layers, looked = shown
    layers.set_named(True, 10)  # without layers
    layers.show(looked, ENERGY, [a_map(0, "E1"), a_map(0, "D1")])

    def size(width: float) -> float:
        layers.set_named(True, width)
        sizes = {layer.name_overlay.font_size for layer in layers.layers()}
        assert len(sizes) == 1
        return sizes.pop()

    assert 6 <= size(10) < size(100) <= size(2000) <= 9


def test_maps_of_many_places_lie_on_their_image(shown) -> None:
    viewer, layers, looked = shown
    image = viewer.layers["field"]
    image.scale, image.translate = (0.5, 2), (3, -4)
    for block, step in BLOCKS.items():
        rows, columns = 60 // step, 80 // step
        layers.show(looked, ENERGY, [a_map(0, block, rows=rows, columns=columns)])
        (ours,) = layers.layers()
        np.testing.assert_allclose(ours.data_to_world((-0.5, -0.5)), (2.75, -5))
        np.testing.assert_allclose(
            ours.data_to_world((rows - 0.5, columns - 0.5)), image.data_to_world((59.5, 79.5))
        )
