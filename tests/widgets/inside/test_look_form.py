from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.inside import look_form
from napari_selfreg.widgets.inside.look_form import LookForm
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.terms_notice import READ_TERMS
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


def test_terms_of_both_models_are_read_once(qtbot, tmp_path: Path, viewer, field) -> None:
    research = {"research_only": True, "terms": "Only for research."}
    models = {
        name: write_network(tmp_path, name, title=name.upper(), **research)
        for name in ("one", "two")
    }
    form = LookForm(viewer, models)
    qtbot.addWidget(form)
    form.offer(None, make_card(name="two"))
    viewer.add_image(field, rgb=True, scale=(0.5, 0.25), units=["um", "um"])
    form.versus.setValue("one")
    for title in ("TWO", "ONE"):
        assert form.terms_notice.isVisibleTo(form)
        assert form.terms_notice._text.text() == f"Terms of {title}: Only for research."
        assert form.missing() == READ_TERMS
        form.terms_notice._button.click()
    assert form.terms_notice.isHidden()
    assert form.missing() == ""
    form.model.setValue("one")
    assert form.terms_notice.isHidden()


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


def offered(versions: list[SimpleNamespace], folder: Path) -> SimpleNamespace:
    """What the form needs of a project."""
    kept = SimpleNamespace(all=versions, path=lambda each: folder / f"{each}.safetensors")
    return SimpleNamespace(versions=kept, folder=folder / "project", active_version=None)


def record(name: str, parent: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(id=name, parent=parent, title=name.title(), facts={"base": "one"})


def test_before_and_after_the_newest_version_are_chosen_once(form, tmp_path: Path) -> None:
    write_network(tmp_path, "v1")
    project = offered([record("v1")], tmp_path)
    form.offer(project)
    assert [each.name for each in form.sources()] == ["one", "v1"]
    form.versus.setValue("")  # a person wants something else
    form.offer(project)
    assert [each.name for each in form.sources()] == ["one"]
    write_network(tmp_path, "v2")
    project.versions.all.append(record("v2", "v1"))
    form.offer(project)
    assert [each.name for each in form.sources()] == ["v1", "v2"]
    form.offer(None)
    assert [each.name for each in form.sources()] == ["one"]  # they are gone with the project


def test_a_version_whose_base_is_gone_chooses_nothing(form, tmp_path: Path) -> None:
    write_network(tmp_path, "v1")
    project = offered([record("v1")], tmp_path)
    project.versions.all[0].facts["base"] = "vanished"
    form.offer(project)
    assert [each.name for each in form.sources()] == ["two"]


def test_what_is_set_is_what_the_segment_panel_has(form, viewer, field, monkeypatch) -> None:
    viewer.add_image(field, rgb=True, scale=(0.5, 0.5), units=["um", "um"])
    monkeypatch.setattr(look_form, "settings", lambda: SimpleNamespace(device="cuda"))
    form.setScope("shapes")
    value = form.value()
    assert (value.pixel_size, value.scope, value.device) == (PixelSize(0.5, 0.5), "shapes", "cuda")
    assert value.model is not None
    empty = LookForm(ViewerModel(), {})
    assert empty.value().model is None
    assert empty.sources() == ()


def test_why_a_file_cannot_be_taken_is_passed_on(form, qtbot, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    for picker in (form.model, form.versus):
        with qtbot.waitSignal(form.told) as told:
            picker.add_file(broken)
        assert "broken" in told.args[0]


def test_a_size_that_was_typed_belongs_to_its_image(form, viewer, field) -> None:
    first = viewer.add_image(field, rgb=True)
    form.pixel_size_edit.setValue(PixelSize(2, 2))
    form.pixel_size_edit.edited.emit()
    viewer.add_image(field, rgb=True)
    form.layer_picker.setValue(viewer.layers[-1])
    assert form.value().pixel_size is None
    form.layer_picker.setValue(first)
    assert form.value().pixel_size == PixelSize(2, 2)
    form.forget_pixel_size(first)
    assert form.value().pixel_size is None


def test_every_area_is_explained(form) -> None:
    tips = [form.area.itemData(row, Qt.ItemDataRole.ToolTipRole) for row in range(3)]
    assert all(tips)
    assert len(set(tips)) == 3
    for scope in ("view", "whole", "shapes"):
        form.setScope(scope)
        assert form.scope() == scope


def test_a_removed_image_is_asked_for_again(form, viewer, field) -> None:
    viewer.add_image(field, rgb=True, units=["um", "um"])
    assert form.missing() == ""
    viewer.layers.clear()
    assert "Open an image first" in form.missing()
    assert not form.pixel_size_edit.isVisibleTo(form)
