from __future__ import annotations

from pathlib import Path

import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets import segment_form
from napari_selfreg.widgets.image_layers import REMEMBERED, SOURCE_KEY, SourceInfo
from napari_selfreg.widgets.segment_form import SegmentForm
from napari_selfreg.widgets.settings import Settings
from tests.widgets.fakes import write_model
from tests.widgets.pictures import colour


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    return {name: write_model(tmp_path, name=name) for name in ("glands", "spots")}


@pytest.mark.parametrize("name", ["glands", "spots"])
def test_a_new_form_begins_with_what_is_set_in_preferences(
    qtbot, monkeypatch, models: dict[str, Path], name: str
) -> None:
    chosen = Settings(default_model=name, device="cpu")
    monkeypatch.setattr(segment_form, "settings", lambda: chosen)
    form = SegmentForm(ViewerModel(), models)
    qtbot.addWidget(form)
    assert form.value().model == models[name]
    assert form.value().device == "cpu"


def test_a_model_or_device_that_is_not_there_leaves_the_first(
    qtbot, monkeypatch, models: dict[str, Path]
) -> None:
    chosen = Settings(default_model="gone", device="abacus")
    monkeypatch.setattr(segment_form, "settings", lambda: chosen)
    form = SegmentForm(ViewerModel(), models)
    qtbot.addWidget(form)
    assert form.value().model == models["glands"]
    assert form.value().device == "auto"


def test_a_pixel_size_counts_for_the_folder(qtbot, models: dict[str, Path], tmp_path: Path) -> None:
    viewer = ViewerModel()
    form = SegmentForm(viewer, models)
    qtbot.addWidget(form)
    for name in "ab":
        info = SourceInfo(tmp_path / f"{name}.png", name, None, False)
        layer = colour(8, 9, name=name, metadata={SOURCE_KEY: info})
        viewer.add_layer(layer)
        form.layer_picker.setValue(layer)
        form.layer_picker.valueChanged.emit()
        if name == "a":
            assert form.value().pixel_size is None
            form.pixel_size_edit.setValue(PixelSize.isotropic(0.5))
            form.pixel_size_edit.edited.emit()
    assert form.value().pixel_size == PixelSize.isotropic(0.5)
    assert form.pixel_size_edit.origin() == REMEMBERED
