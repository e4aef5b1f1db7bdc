from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.inside import look_form
from napari_selfreg.widgets.inside.look_form import LookForm
from napari_selfreg.widgets.inside.looking import Source
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import write_network


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def form(qtbot, tmp_path: Path, viewer: ViewerModel) -> LookForm:
    models = {name: write_network(tmp_path, name) for name in ("one", "two")}
    made = LookForm(viewer, models)
    qtbot.addWidget(made)
    made.offer(None, make_card(name="two"))
    return made


def test_the_model_of_the_segment_panel_is_chosen_at_first(form) -> None:
    assert [each.name for each in form.sources()] == ["two"]
    form.model.setValue("one")
    form.offer(None, make_card(name="two"))
    assert [each.name for each in form.sources()] == ["one"]


def test_a_second_model_must_be_another_one(form) -> None:
    form.versus.setValue("one")
    assert [each.name for each in form.sources()] == ["two", "one"]
    form.versus.setValue("two")
    assert [each.name for each in form.sources()] == ["two"]


def test_the_pixel_size_is_asked_for_only_where_nobody_knows_it(form, viewer, field) -> None:
    known = viewer.add_image(field, rgb=True, scale=(0.5, 0.25), units=["um", "um"])
    assert form.value().pixel_size == PixelSize(0.5, 0.25)
    assert not form.pixel_size_edit.isVisibleTo(form)
    assert form.missing() == ""
    other = viewer.add_image(field, rgb=True)
    form.layer_picker.setValue(other)
    assert form.pixel_size_edit.isVisibleTo(form)
    assert "how large its pixels are" in form.missing()
    form.pixel_size_edit.setValue(PixelSize(1, 1))
    form.pixel_size_edit.edited.emit()
    form.layer_picker.setValue(known)
    form.layer_picker.setValue(other)
    assert form.value().pixel_size == PixelSize(1, 1)


def test_a_pixel_size_chosen_elsewhere_is_taken(form, viewer, field, monkeypatch) -> None:
    layer = viewer.add_image(field, rgb=True)
    assert form.value().pixel_size is None
    layer.scale, layer.units = (0.5, 0.5), ["um", "um"]
    form.forget_pixel_size(layer)
    assert form.value().pixel_size == PixelSize(0.5, 0.5)
    viewer.add_image(field, rgb=True)
    form.layer_picker.setValue(viewer.layers[-1])
    monkeypatch.setattr(look_form, "folder_size", lambda layer: PixelSize(2, 2))
    assert form.value().pixel_size is None
    form.show()
    assert form.value().pixel_size == PixelSize(2, 2)


def test_a_size_that_cannot_be_is_asked_for(form, viewer, field) -> None:
    viewer.add_image(field, rgb=True, scale=(1e6, 1e6), units=["um", "um"])
    assert form.value().pixel_size is None
    assert form.pixel_size_edit.isVisibleTo(form)


def test_what_is_missing_is_said(form, viewer, field) -> None:
    assert "Open an image first" in form.missing()
    viewer.add_image(field, rgb=True, units=["um", "um"])
    form.setScope("shapes")
    assert "Draw a shape" in form.missing()
    form.setScope("view")
    assert form.missing() == ""
    assert form.scope() == "view"
    viewer.dims.ndisplay = 3
    assert "three dimensions" in form.missing()


def test_networks_for_volumes_are_refused_on_pictures(qtbot, viewer, field) -> None:
    card = make_card(spatial_dims=3, um_per_px=(1.0, 1.0, 1.0))
    form = LookForm(viewer, {}, [Source("Volumes", card, Path("volumes"))])
    qtbot.addWidget(form)
    assert "Choose a model" in form.missing()
    form.offer(None)
    viewer.add_image(field, name="picture", rgb=True, units=["um", "um"])
    assert "is a picture and" in form.missing()


def test_any_change_is_announced(form, viewer, qtbot) -> None:
    with qtbot.waitSignal(form.valueChanged):
        form.setScope("view")
    with qtbot.waitSignal(form.valueChanged):
        form.versus.setValue("one")
    with qtbot.waitSignal(form.valueChanged):
        viewer.add_image(np.zeros((4, 4, 3), np.uint8), rgb=True)
