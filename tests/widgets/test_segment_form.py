from __future__ import annotations

from pathlib import Path

import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets import segment_form
from napari_selfreg.widgets.segment_form import SegmentForm
from napari_selfreg.widgets.settings import Settings
from tests.widgets.fakes import write_model


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
