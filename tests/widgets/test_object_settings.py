"""Two models in one list: each result keeps its settings, and so does the next run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_info import result_info
from tests.widgets.fakes import write_model
from tests.widgets.panel_steps import add_field, run_to_the_end
from tests.widgets.waits import LONG

SPOTS = PostProcessing(0.5, 10.0, 4.0, 0.0)
RINGS = PostProcessing(0.4, 2.5, 1.0, 0.25)
OTHER = PostProcessing(0.3, 12.5, 7.0, 0.0)


@pytest.fixture
def flow(make_panel: Callable[..., Any], field: np.ndarray, tmp_path: Path, qtbot: Any) -> Any:
    """A result of one model with settings of a person: ``viewer, panel, job, image, layer``."""
    viewer, panel, job = make_panel(postprocessing=vars_of(SPOTS))
    rings = write_model(tmp_path, name="rings", postprocessing=vars_of(RINGS))
    panel.model_picker.addModel(rings)
    image = add_field(viewer, field)
    panel.setValue(replace(panel.value(), settings=OTHER))
    return viewer, panel, job, image, run_to_the_end(panel, qtbot)


def vars_of(settings: PostProcessing) -> dict[str, float]:
    return {name: getattr(settings, name) for name in PostProcessing.__slots__}


def changes_of(panel: Any, monkeypatch: pytest.MonkeyPatch) -> list[PostProcessing]:
    wanted: list[PostProcessing] = []
    monkeypatch.setattr(panel.relabeller, "change", wanted.append)
    return wanted


def test_a_result_is_turned_to_with_its_own_settings(flow, monkeypatch) -> None:
    _, panel, _, _, layer = flow
    assert result_info(layer).settings == panel.sliders.value() == OTHER
    wanted = changes_of(panel, monkeypatch)
    panel.sliders.threshold.setValue(0.6)
    assert wanted == [replace(OTHER, threshold=0.6)]
    assert panel.value().settings == replace(OTHER, threshold=0.6)


def test_another_model_turns_the_sliders_to_the_next_run(flow, monkeypatch) -> None:
    _, panel, _, _, _ = flow
    wanted = changes_of(panel, monkeypatch)
    panel.model_picker.setValue("rings")
    assert panel.sliders.value() == panel.value().settings == RINGS
    panel.sliders.threshold.setValue(0.6)
    assert wanted == []
    assert panel.value().settings == replace(RINGS, threshold=0.6)
    panel.model_picker.setValue("spots")  # and its result can be changed again
    assert panel.sliders.value() == OTHER
    panel.sliders.threshold.setValue(0.6)
    assert wanted == [replace(OTHER, threshold=0.6)]


def test_a_result_of_another_model_does_not_change_the_next_run(flow, qtbot, monkeypatch) -> None:
    viewer, panel, job, image, layer = flow
    panel.model_picker.setValue("rings")
    viewer.layers.selection.active = image
    viewer.layers.selection.active = layer
    assert panel.sliders.value() == OTHER
    assert panel.objects.title() == "Objects of the spots result"
    with monkeypatch.context() as patch:
        wanted = changes_of(panel, patch)
        panel.sliders.threshold.setValue(0.6)
        panel.sliders.reset.click()
        assert wanted == [replace(OTHER, threshold=0.6), SPOTS]
    viewer.layers.selection.active = image
    new = run_to_the_end(panel, qtbot)
    assert job.requests[-1].settings == RINGS
    assert result_info(new).settings == panel.sliders.value() == RINGS
    assert panel.objects.title() == "Objects"


def test_without_the_result_the_sliders_show_the_next_run(flow) -> None:
    viewer, panel, _, image, layer = flow
    panel.model_picker.setValue("rings")
    viewer.layers.selection.active = image
    viewer.layers.selection.active = layer
    viewer.layers.remove(layer)
    assert panel.sliders.value() == RINGS


def test_layers_of_ours_do_not_turn_the_sliders(flow) -> None:
    viewer, panel, _, _, layer = flow
    assert viewer.layers.selection.active == layer
    panel.model_picker.setValue("rings")
    with selection_kept(viewer):
        viewer.add_points(metadata={OWN_KEY: "guide"})
    assert viewer.layers.selection.active == layer
    assert panel.sliders.value() == RINGS


def test_a_result_that_is_selected_again_turns_the_sliders(flow) -> None:
    viewer, panel, _, _, layer = flow
    own = panel.sliders.value()
    panel.model_picker.setValue("rings")
    assert panel.sliders.value() == RINGS != own
    viewer.layers.selection.clear()
    viewer.layers.selection.active = layer
    assert panel.sliders.value() == own


def test_a_result_of_a_model_that_is_gone_goes_back_to_what_it_was(flow, monkeypatch) -> None:
    viewer, panel, _, image, layer = flow
    panel.model_picker.setValue("rings")
    kept = [entry for entry in panel.model_picker.entries() if entry.card.name == "rings"]
    monkeypatch.setattr(panel.model_picker, "entries", lambda: tuple(kept))
    viewer.layers.selection.active = image
    viewer.layers.selection.active = layer
    wanted = changes_of(panel, monkeypatch)
    panel.sliders.threshold.setValue(0.6)
    panel.sliders.reset.click()
    assert wanted == [replace(OTHER, threshold=0.6), OTHER]


def test_only_what_was_moved_is_changed_for_good(flow, qtbot) -> None:
    _, panel, _, _, layer = flow
    with qtbot.waitSignal(panel.relabeller.relabelled, timeout=LONG):
        panel.sliders.threshold.setValue(0.6)
    assert result_info(layer).settings == replace(OTHER, threshold=0.6)
