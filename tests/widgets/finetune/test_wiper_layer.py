from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.finetune.wiper_layer import NAME, WiperLayer
from napari_selfreg.widgets.layers import OWN_KEY
from tests.widgets.pictures import opened

SHAPE = (20, 30)


@pytest.fixture
def viewer() -> ViewerModel:
    made = ViewerModel()
    made.add_image(np.zeros(SHAPE), scale=(2, 2), translate=(10, 20))
    return made


@pytest.fixture
def both() -> tuple[np.ndarray, np.ndarray]:
    before, after = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)
    before[2:8, 2:12], after[2:8, 2:20] = 4, 7
    after[12:18, 2:8] = 9
    return before, after


@pytest.fixture
def wiper(viewer, both) -> WiperLayer:
    made = WiperLayer(viewer)
    made.show(*both, {"scale": (2, 2), "translate": (10, 20)})
    return made


def shown(wiper: WiperLayer, kind: int) -> Any:
    """Where one of the colours is: 1 before, 2 after, 0 (with a pixel) the line."""
    return (wiper.layer.data > 0) & (wiper.layer.data % 3 == kind)


def test_one_layer_lies_on_the_image_and_belongs_to_us(viewer, wiper) -> None:
    assert [layer.name for layer in viewer.layers][-1] == NAME
    assert tuple(wiper.layer.scale) == (2, 2)
    assert tuple(wiper.layer.translate) == (10, 20)
    assert wiper.layer.metadata[OWN_KEY] == "wiper"
    assert not wiper.layer.editable


def test_at_the_right_end_all_is_before_and_at_the_left_end_all_is_after(wiper, both) -> None:
    before, after = both
    wiper.move(1.0)
    np.testing.assert_array_equal(shown(wiper, 1), before > 0)
    wiper.move(0.0)
    np.testing.assert_array_equal(shown(wiper, 2), after > 0)
    assert not wiper.layer.editable


@pytest.mark.parametrize(("asked", "same"), [(-3.0, 0.0), (7.0, 1.0)])
def test_the_line_stays_on_the_picture(wiper, asked, same) -> None:
    wiper.move(same)
    expected = np.array(wiper.layer.data)
    wiper.move(asked)
    np.testing.assert_array_equal(wiper.layer.data, expected)


def test_between_there_are_both_and_a_line(wiper) -> None:
    wiper.move(0.5)
    line = shown(wiper, 0)
    assert line.any(axis=1).all()
    columns = np.flatnonzero(line.any(axis=0))
    assert columns.tolist() == [15]
    assert not shown(wiper, 2)[:, :15].any()
    assert not shown(wiper, 1)[:, 15:].any()


def test_neighbours_keep_different_numbers(wiper) -> None:
    wiper.move(0.0)
    assert set(np.unique(wiper.layer.data)) == {0, 3 * 7 - 1, 3 * 9 - 1}


def test_where_it_was_put_stays_when_another_field_is_shown(wiper, both) -> None:
    wiper.move(0.0)
    wiper.show(*both, {})
    np.testing.assert_array_equal(shown(wiper, 2), both[1] > 0)


@pytest.mark.parametrize(
    ("pixel", "ids"), [((4, 4), (4, 7)), ((4, 18), (0, 7)), ((14, 4), (0, 9)), ((19, 29), (0, 0))]
)
def test_what_lies_at_a_place(wiper, pixel, ids) -> None:
    wiper.move(1.0)  # whatever is drawn there
    assert wiper.ids_at(wiper.layer.data_to_world(pixel)) == ids


@pytest.mark.parametrize("pixel", [(-1, 4), (4, -1), (20, 4), (4, 30)])
def test_outside_there_is_nothing(wiper, pixel) -> None:
    assert wiper.ids_at(wiper.layer.data_to_world(pixel)) is None


def test_outlines_of_others_are_hidden_meanwhile_and_the_choice_stays(viewer, both) -> None:
    one = viewer.add_labels(both[0])
    other = viewer.add_labels(both[0], visible=False)
    viewer.layers.selection.active = one
    wiper = WiperLayer(viewer)
    wiper.show(*both, {})
    assert (one.visible, other.visible) == (False, False)
    assert viewer.layers[0].visible  # the image
    assert viewer.layers.selection.active is one
    wiper.remove()
    assert (one.visible, other.visible) == (True, False)
    assert wiper.layer is None


def test_a_layer_that_was_removed_meanwhile_is_no_fault(viewer, both) -> None:
    one = viewer.add_labels(both[0])
    wiper = WiperLayer(viewer)
    wiper.show(*both, {})
    viewer.layers.remove(one)
    viewer.layers.remove(wiper.layer)
    assert wiper.layer is None
    wiper.move(0.3)
    wiper.remove()
    assert [layer.name for layer in viewer.layers] == ["Image"]
    assert wiper.ids_at((0, 0)) is None


def test_shown_twice_it_is_one_layer_and_others_still_come_back(viewer, both) -> None:
    one = viewer.add_labels(both[0])
    wiper = WiperLayer(viewer)
    wiper.show(*both, {})
    wiper.show(*both, {})
    assert [layer.name for layer in viewer.layers].count(NAME) == 1
    assert not one.visible
    wiper.remove()
    assert one.visible


@pytest.mark.parametrize("both_compared", [True, False])
def test_outlines_of_a_field_that_was_left_are_there_again_on_it(both, both_compared) -> None:
    viewer = ViewerModel()
    stage, wiper = FieldStage(viewer), WiperLayer(viewer)
    a, b = Field(Path("a.png")), Field(Path("b.png"))
    stage.show(a, opened("a", SHAPE))
    one = viewer.add_labels(both[0])
    wiper.show(*both, {})
    stage.show(b, opened("b", SHAPE))
    if both_compared:
        viewer.add_labels(both[0])
        wiper.show(*both, {})
    wiper.remove()
    stage.show(a)
    assert one in viewer.layers
    assert one.visible


def test_a_deleted_layer_is_not_kept_meanwhile(viewer, both) -> None:
    gone = weakref.ref(viewer.add_labels(both[0]))
    wiper = WiperLayer(viewer)
    wiper.show(*both, {})
    viewer.layers.selection.active = viewer.layers[0]  # napari keeps the one before otherwise
    viewer.layers.remove(gone())
    gc.collect()
    assert gone() is None
    wiper.remove()
