from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_selfreg.widgets.correct.layer_fields import is_correctable
from napari_selfreg.widgets.correct.panel import CorrectPanel
from napari_selfreg.widgets.finetune.panel import FinetunePanel
from napari_selfreg.widgets.finetune.summary import NO_PROJECT
from napari_selfreg.widgets.volume.correcting import (
    NOT_TUNED,
    NOT_YET,
    is_volume_labels,
    not_yet,
)
from tests.widgets.volume.conftest import MM
from tests.widgets.waits import LONG


@pytest.mark.parametrize(
    ("shape", "expected"), [((4, 5, 6), True), ((1, 5, 6), False), ((5, 6), False)]
)
def test_labels_of_a_volume_have_several_slices(shape, expected: bool) -> None:
    assert is_volume_labels(Labels(np.zeros(shape, int))) is expected


def test_start_correcting_says_in_one_sentence_that_volumes_wait(
    make_napari_viewer_proxy, scan
) -> None:
    viewer = make_napari_viewer_proxy()
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Correct")
    viewer.add_image(scan, name="scan", **MM)
    labels = viewer.add_labels((scan > 100).astype(int), **MM)
    told = []
    panel.desk.told.connect(told.append)
    assert not is_correctable(viewer, labels)
    panel.box.start_button.click()
    viewer.layers.selection.active = viewer.layers[0]
    panel.box.start_button.click()
    assert told == [NOT_YET, NOT_YET]
    assert NOT_YET.count(".") == 1
    assert panel.desk.project is None


def test_fine_tuning_says_in_one_sentence_where_volumes_are_tuned(
    make_napari_viewer_proxy, scan, field, qtbot
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    panel = FinetunePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Fine-tune")
    assert panel.about.text() == NO_PROJECT
    volume = viewer.add_image(scan, name="scan", **MM)
    qtbot.waitUntil(lambda: panel.about.text() == NOT_TUNED, timeout=LONG)
    assert NOT_TUNED.count(".") == 1
    assert panel.start_button.toolTip() == NOT_TUNED
    assert not panel.start_button.isEnabled()
    panel.start()
    assert not panel.runner.running
    viewer.layers.remove(volume)
    viewer.add_image(field, rgb=True)
    qtbot.waitUntil(lambda: panel.about.text() == NO_PROJECT, timeout=LONG)


def test_pictures_go_on_as_ever(make_napari_viewer_proxy, scan, field) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.add_labels((scan > 100).astype(int))
    viewer.add_image(field, rgb=True)
    assert not_yet(viewer) == ""
    viewer.layers.selection.clear()
    assert not_yet(viewer) == NOT_YET
    viewer.add_labels(np.zeros(field.shape[:2], int))
    viewer.layers.selection.clear()
    assert not_yet(viewer) == ""
