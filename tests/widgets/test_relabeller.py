"""Sliders change a result: quickly in view, then everywhere, never what a person has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.relabel import Probabilities, find_objects
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.layers import OWN_KEY, picture_of
from napari_selfreg.widgets.relabeller import Relabeller
from napari_selfreg.widgets.result_info import FIELD_KEY, is_touched, result_info
from napari_selfreg.widgets.result_layer import add_result
from tests.widgets.fakes import Objects
from tests.widgets.results_steps import info_for, picture_for, squares, table_for
from tests.widgets.test_result_info import make_info
from tests.widgets.waits import LONG

BOX = Box(5, 10, 65, 90)
OWN = PostProcessing(0.5, 0, 0, 0)
STRICT = PostProcessing(0.8, 0, 0, 0)


def blobs() -> np.ndarray:
    """A sure object, an unsure one and a small one, shape (1, 60, 80)."""
    values = np.full((1, 60, 80), 0.1, np.float32)
    values[0, 5:25, 5:25] = 0.9
    values[0, 30:50, 40:60] = 0.6
    values[0, 2:4, 70:72] = 0.9
    return values


@pytest.fixture
def viewer() -> ViewerModel:
    model = ViewerModel()
    picture = np.full((70, 100, 3), 200, np.uint8)
    model.add_image(picture, name="field", rgb=True, scale=(0.5, 0.5), units=["um", "um"])
    return model


@pytest.fixture
def relabeller(viewer: ViewerModel, qtbot) -> Relabeller:
    owner = QWidget()
    qtbot.addWidget(owner)
    made = Relabeller(viewer, owner)
    made.owner = owner  # type: ignore[attr-defined]
    return made


@pytest.fixture
def add(viewer: ViewerModel) -> Callable[..., Any]:
    def make(kept: bool = True) -> Any:
        image = viewer.layers["field"]
        picture = picture_of(viewer, image)
        values = blobs()
        labels = find_objects(Probabilities(values, 1, PixelSize(0.5, 0.5)), OWN)
        info = make_info(
            probability=values if kept else None,
            box=BOX,
            settings=OWN,
            pixel_size=PixelSize(0.5, 0.5),
            image_layer_id=image.unique_id,
        )
        table = {"index": np.arange(1, labels.max() + 1)}
        return add_result(viewer, image, picture, Objects(labels, BOX, table), "found", info)

    return make


def change(relabeller: Relabeller, settings: PostProcessing, qtbot) -> Any:
    with qtbot.waitSignal(relabeller.relabelled, timeout=LONG) as signal:
        relabeller.change(settings)
    return signal.args[0]


class TestUntouched:
    def test_the_layer_gets_objects_measurements_and_settings(
        self, viewer, relabeller, add, qtbot
    ) -> None:
        layer = add()
        assert layer.data.max() == 3
        relabeller.take(layer)
        changed = change(relabeller, STRICT, qtbot)
        assert changed is layer
        assert [each.name for each in viewer.layers] == ["field", "found"]
        expected = find_objects(Probabilities(blobs(), 1, PixelSize(0.5, 0.5)), STRICT)
        np.testing.assert_array_equal(layer.data[BOX.slices], expected)
        assert not layer.data[:5].any()
        assert list(layer.features["index"]) == [0, 1, 2]
        np.testing.assert_allclose(layer.features["area_um2"], [np.nan, 1, 100])
        assert result_info(layer).settings == STRICT
        assert layer.visible
        assert not relabeller.working

    def test_there_is_nothing_to_undo(self, relabeller, add, qtbot) -> None:
        layer = add()
        relabeller.take(layer)
        change(relabeller, STRICT, qtbot)
        before = layer.data.copy()
        layer.undo()
        np.testing.assert_array_equal(layer.data, before)
        assert not is_touched(layer)

    def test_back_to_the_first_settings_gives_the_first_objects(
        self, relabeller, add, qtbot
    ) -> None:
        layer = add()
        first = layer.data.copy()
        relabeller.take(layer)
        change(relabeller, STRICT, qtbot)
        change(relabeller, OWN, qtbot)
        np.testing.assert_array_equal(layer.data, first)

    def test_only_the_last_of_many_settings_counts(self, relabeller, add, qtbot) -> None:
        layer = add()
        relabeller.take(layer)
        told: list[str] = []
        relabeller.told.connect(told.append)
        with qtbot.waitSignal(relabeller.relabelled, timeout=LONG):
            for threshold in (0.55, 0.65, 0.7, 0.8):
                relabeller.change(PostProcessing(threshold, 0, 0, 0))
        assert result_info(layer).settings.threshold == 0.8
        assert told == ["2 objects with these settings."]

    def test_the_view_is_drafted_meanwhile(self, viewer, relabeller, add, qtbot) -> None:
        layer = add()
        relabeller.take(layer)
        relabeller.change(STRICT)
        qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=LONG)
        draft = viewer.layers[-1]
        assert draft.metadata[OWN_KEY] == "draft"
        assert not layer.visible
        assert viewer.layers.selection.active is layer
        np.testing.assert_allclose(draft.data_to_world((0, 0)), layer.data_to_world((5, 10)))
        qtbot.waitUntil(lambda: not relabeller.working, timeout=LONG)
        assert len(viewer.layers) == 2
        assert layer.visible


def test_another_slice_on_show_changes_nothing(qtbot) -> None:
    viewer, owner, labels = ViewerModel(), QWidget(), squares()
    qtbot.addWidget(owner)
    stack = np.stack([picture_for(labels), np.full((*labels.shape, 3), 250, np.uint8)])
    image = viewer.add_image(stack, rgb=True, scale=(1, 0.5, 0.5), units=["um"] * 3)
    viewer.dims.set_current_step(0, 0)
    info = info_for(labels, image_layer_id=image.unique_id)
    found = Objects(labels, info.box, table_for(labels, info))
    layer = add_result(viewer, image, picture_of(viewer, image), found, "found", info)
    viewer.dims.set_current_step(0, 1)
    relabeller = Relabeller(viewer, owner)
    relabeller.take(layer)  # without its picture, as those of a folder
    changed = change(relabeller, replace(info.settings, threshold=0.6), qtbot)
    measured = changed.features["mean_haematoxylin"].to_numpy(float)[1:]
    np.testing.assert_allclose(measured, found.table["mean_haematoxylin"], rtol=1e-5)


class TestTouched:
    def test_corrections_of_a_project_are_hers_before_the_first_stroke(
        self, viewer, relabeller, add, qtbot
    ) -> None:
        layer = add()
        layer.metadata[FIELD_KEY] = ("case.selfreg", "f1")
        relabeller.take(layer)
        before = layer.data.copy()
        with qtbot.waitSignal(relabeller.told, timeout=LONG) as signal:
            new = change(relabeller, STRICT, qtbot)
        assert new is not layer
        np.testing.assert_array_equal(layer.data, before)
        assert "stays as it is in the project" in signal.args[0]
        assert not is_touched(layer)

    @pytest.mark.parametrize("how", ["paint", "fill", "replace"])
    def test_it_is_kept_and_another_one_is_made(
        self, viewer, relabeller, add, qtbot, how: str
    ) -> None:
        layer = add()
        relabeller.take(layer)
        if how == "paint":
            layer.paint((30, 30), 9)
        elif how == "fill":
            layer.fill((15, 20), 9)
        else:
            layer.data = np.where(layer.data == 1, 9, layer.data)
        before = layer.data.copy()
        assert is_touched(layer)
        new = change(relabeller, STRICT, qtbot)
        assert new is not layer
        np.testing.assert_array_equal(layer.data, before)
        assert not layer.visible
        assert new.visible
        assert new.data.max() == 2
        assert relabeller.current is new
        again = change(relabeller, OWN, qtbot)
        assert again is new

    def test_undoing_her_stroke_still_works(self, relabeller, add, qtbot) -> None:
        layer = add()
        first = layer.data.copy()
        relabeller.take(layer)
        layer.paint((30, 30), 9)
        change(relabeller, STRICT, qtbot)
        layer.undo()
        np.testing.assert_array_equal(layer.data, first)


class TestCurrent:
    def test_the_selected_result_is_the_current_one(self, viewer, relabeller, add) -> None:
        shown: list[Any] = []
        relabeller.currentChanged.connect(shown.append)
        first, second = add(), add()
        relabeller.take(second)
        viewer.layers.selection.active = first
        assert relabeller.current is first
        viewer.layers.selection.active = viewer.layers["field"]
        assert relabeller.current is first
        assert shown[-1] is result_info(first)

    def test_a_removed_result_is_not_changed(self, viewer, relabeller, add, qtbot) -> None:
        layer = add()
        relabeller.take(layer)
        relabeller.change(STRICT)
        viewer.layers.remove(layer)
        assert relabeller.current is None
        assert not relabeller.working
        qtbot.waitUntil(lambda: not relabeller.runner.running, timeout=LONG)
        assert [each.name for each in viewer.layers] == ["field"]

    def test_without_its_image_nothing_is_made(self, viewer, relabeller, add, qtbot) -> None:
        layer = add()
        relabeller.take(layer)
        before = layer.data.copy()
        viewer.layers.remove("field")
        relabeller.change(STRICT)
        qtbot.waitUntil(lambda: not relabeller.working, timeout=LONG)
        np.testing.assert_array_equal(layer.data, before)

    def test_results_without_probabilities_are_left_alone(self, relabeller, add) -> None:
        first = add()
        relabeller.take(first)
        relabeller.take(add(kept=False))
        assert relabeller.current is first
