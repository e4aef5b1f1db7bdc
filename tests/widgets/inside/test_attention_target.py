from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QComboBox

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.inside.attention_target import CLICK, NO_OBJECT, AttentionTarget
from napari_selfreg.widgets.inside.targets import CLICKED, PREDICTED
from napari_selfreg.widgets.layers import OWN_KEY, picture_of
from tests.widgets.waits import LONG

WHOLE = Box(0, 0, 60, 80)


class Asked:
    """A viewer with a picture, the list of targets, and what was said."""

    def __init__(self, qtbot: Any, field: np.ndarray) -> None:
        self.viewer = ViewerModel()
        self.image = self.viewer.add_image(field, rgb=True)
        self.box = QComboBox()
        qtbot.addWidget(self.box)
        self.owner = QObject()
        self.target = AttentionTarget(self.viewer, self.box, self.owner)
        self.changes: list[None] = []
        self.words: list[str] = []
        self.target.changed.connect(lambda: self.changes.append(None))
        self.target.told.connect(self.words.append)

    def labels(self, name: str = "glands", **changes: Any) -> Any:
        data = np.zeros((60, 80), int)
        data[5:15, 10:30], data[30:40, 50:60] = 1, 2
        return self.viewer.add_labels(data, name=name, **changes)

    def entries(self) -> list[str]:
        return [self.box.itemText(index) for index in range(self.box.count())]

    def mask(self, box: Box = WHOLE) -> np.ndarray | None:
        return self.target.take(self.image, picture_of(self.viewer, self.image), box).mask


@pytest.fixture
def asked(qtbot, field) -> Asked:
    return Asked(qtbot, field)


def test_without_objects_only_the_prediction_can_be_asked_for(asked) -> None:
    assert asked.entries() == [PREDICTED]
    assert asked.mask() is None
    asked.target.click((10, 20))
    assert (asked.changes, asked.words) == ([], [])


def test_layers_with_objects_come_and_go_and_the_choice_stays(asked) -> None:
    layer = asked.labels()
    asked.labels("others")
    assert asked.entries() == [PREDICTED, "All of “others”", "All of “glands”", CLICKED]
    asked.box.setCurrentIndex(2)
    layer.name = "renamed"
    assert asked.box.currentText() == "All of “renamed”"
    asked.viewer.layers.remove("others")
    assert asked.box.currentText() == "All of “renamed”"
    assert len(asked.changes) == 1  # only what a person chose
    asked.viewer.layers.remove(layer)
    assert asked.entries() == [PREDICTED]
    assert asked.mask() is None


@pytest.mark.parametrize("which", [1, 2])
def test_what_is_asked_for_changes_when_its_layer_goes(asked, qtbot, which: int) -> None:
    layer = asked.labels()
    asked.box.setCurrentIndex(which)
    asked.target.click((10, 20))
    asked.changes.clear()
    asked.viewer.layers.remove(layer)
    assert asked.box.currentData() == PREDICTED
    qtbot.waitUntil(lambda: len(asked.changes) == 1, timeout=LONG)


def test_drafts_of_ours_are_no_objects(asked) -> None:
    asked.labels(metadata={OWN_KEY: "preview"})
    assert asked.entries() == [PREDICTED]


def test_all_objects_of_a_layer_are_taken_in_the_part_that_is_seen(asked) -> None:
    layer = asked.labels()
    asked.box.setCurrentIndex(1)
    np.testing.assert_array_equal(asked.mask(), layer.data > 0)
    np.testing.assert_array_equal(asked.mask(Box(4, 8, 20, 40)), (layer.data > 0)[4:20, 8:40])


def test_one_object_is_clicked(asked) -> None:
    layer = asked.labels(translate=(2, 3))
    asked.box.setCurrentIndex(asked.box.findText(CLICKED))
    assert asked.words == [CLICK]
    assert asked.mask() is None  # until then what the model finds
    asked.target.click(layer.data_to_world((35, 55)))
    assert len(asked.changes) == 1
    assert asked.mask().sum() == 100
    assert np.argwhere(asked.mask()).min(axis=0).tolist() == [32, 53]
    asked.target.click(layer.data_to_world((0, 0)))
    assert asked.words[-1] == NO_OBJECT
    assert asked.mask().sum() == 100  # the last good one counts


def test_a_click_counts_only_while_an_object_is_asked_for(asked) -> None:
    layer = asked.labels()
    asked.target.click(layer.data_to_world((10, 20)))
    assert asked.changes == []
    asked.box.setCurrentIndex(asked.box.findText(CLICKED))
    asked.target.click(layer.data_to_world((10, 20)))
    asked.target.forget()
    assert asked.mask() is None


def test_an_object_that_is_gone_leaves_an_empty_mask(asked) -> None:
    layer = asked.labels()
    asked.box.setCurrentIndex(asked.box.findText(CLICKED))
    asked.target.click(layer.data_to_world((10, 20)))
    layer.data = np.where(layer.data == 1, 0, layer.data)
    assert not asked.mask().any()
