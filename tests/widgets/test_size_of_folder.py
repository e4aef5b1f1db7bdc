"""A pixel size counts for the whole folder: also for fields seen before, and what lies on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.image_layers import CHOSEN, REMEMBERED, set_pixel_size
from napari_selfreg.widgets.layers import ORIGIN_KEY, pixel_size_of
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE, kept_sizes
from napari_selfreg.widgets.result_info import RESULT_KEY, result_info
from tests.widgets.fakes import make_card
from tests.widgets.open_steps import docked, open_and_wait, wait_shown, write_fields
from tests.widgets.pictures import opened
from tests.widgets.results_steps import info_for
from tests.widgets.test_field_results import done

HALF, ONE = PixelSize.isotropic(0.5), PixelSize.isotropic(1)


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def panel(viewer: Any, qtbot: Any, tmp_path: Path) -> OpenPanel:
    """Fields a, b and c at 20×; b and c were looked at, a is on show again."""
    panel = docked(viewer)
    open_and_wait(panel, qtbot, write_fields(tmp_path / "case"), "a")
    panel.form.chooser.buttons["20×"].click()
    for step in ("b", "c", "b", "a"):
        go(panel, qtbot, step)
    return panel


def go(panel: OpenPanel, qtbot: Any, stem: str) -> Any:
    panel.fields.set_current(next(each for each in panel.fields if each.stem == stem))
    return wait_shown(panel, qtbot, stem)


def test_fields_that_were_seen_before_take_another_size_with_what_lies_on_them(
    panel, viewer, qtbot
) -> None:
    image = go(panel, qtbot, "b")
    labels = np.eye(40, dtype=np.int32)
    info = info_for(labels, image_layer_id=image.unique_id, pixel_size=HALF)
    layer = viewer.add_labels(
        labels, metadata={RESULT_KEY: info}, scale=image.scale, units=image.units
    )
    go(panel, qtbot, "a")
    panel.form.chooser.buttons["10×"].click()
    assert pixel_size_of(go(panel, qtbot, "b")) == ONE
    assert layer.scale == pytest.approx((1, 1))
    assert result_info(layer).pixel_size == ONE
    assert panel.form.status.text() == FOUND_BEFORE
    image = go(panel, qtbot, "c")
    assert (pixel_size_of(image), image.metadata[ORIGIN_KEY]) == (ONE, REMEMBERED)
    # They were not chosen for alone: the next choice counts for them, too.
    assert [each.pixel_size for each in panel.fields] == [ONE, None, None]


def test_a_field_with_a_size_of_its_own_keeps_it(panel, qtbot) -> None:
    go(panel, qtbot, "b")
    panel.form.chooser.buttons["10×"].click()
    assert panel.form.status.text() == "a keeps its own size."
    assert pixel_size_of(go(panel, qtbot, "a")) == HALF
    assert pixel_size_of(go(panel, qtbot, "c")) == ONE


def test_what_run_on_all_has_found_takes_the_size_chosen_since(panel, viewer, qtbot) -> None:
    panel.form.chooser.buttons["10×"].click()
    field = panel.fields[1]
    field.pending = (done(field.path, shape=(40, 61)), make_card())
    go(panel, qtbot, "b")
    layer = viewer.layers[-1]
    assert result_info(layer).pixel_size == ONE
    assert panel.form.status.text() == FOUND_BEFORE


def test_a_size_that_a_file_has_rounded_is_the_same(panel, qtbot) -> None:
    field = panel.fields[1]
    field.pixel_size = PixelSize.isotropic(0.5 + 1e-8)
    field.pending = (done(field.path, shape=(40, 61)), make_card())
    go(panel, qtbot, "b")
    assert panel.form.status.text() == ""


def test_what_a_file_states_is_no_choice(panel) -> None:
    b = panel.fields[1]
    b.pixel_size = ONE
    assert panel.fields.of_other_size(HALF) == [b]
    b.facts = replace(b.facts, stated=ONE)
    assert panel.fields.of_other_size(HALF) == []


def test_several_fields_with_sizes_of_their_own_are_counted() -> None:
    a, b = Field(Path("a.png")), Field(Path("b.png"))
    assert kept_sizes([]) == ""
    assert kept_sizes([a, b]) == "2 fields keep their own sizes."


@pytest.mark.parametrize("origin", [CHOSEN, ""])
def test_what_lay_on_an_image_fits_it_when_it_is_opened_anew(origin: str) -> None:
    stage, field = FieldStage(ViewerModel()), Field(Path("a.png"))
    image = stage.show(field, opened("a"))
    set_pixel_size(image, HALF, origin)
    if not origin:
        image.metadata.pop(ORIGIN_KEY)
    stage.clear()
    anew = stage.show(field, opened("a"))
    assert anew is not image
    assert pixel_size_of(anew) == HALF
    assert anew.metadata.get(ORIGIN_KEY, "") == origin
