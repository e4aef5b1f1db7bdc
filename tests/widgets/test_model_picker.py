from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io.added_models import added_models
from napari_selfreg.widgets import model_picker
from napari_selfreg.widgets.model_picker import NO_MODEL, ModelPicker
from tests.widgets.fakes import write_model


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"PK\x03\x04 not a bundle")
    return {
        "spots": write_model(tmp_path),
        "rings": write_model(
            tmp_path, name="rings", title="Rings", um_per_px=(0.5, 0.5), research_only=True
        ),
        "broken": broken,
    }


@pytest.fixture
def picker(models: dict[str, Path], qtbot) -> ModelPicker:
    widget = ModelPicker(models)
    qtbot.addWidget(widget)
    return widget


def test_the_first_model_is_chosen_and_described(picker: ModelPicker, models) -> None:
    assert picker.value() == models["spots"]
    assert picker.problem() == ""
    assert picker._line.text() == "free use · 1 µm/px · Made-up tissue"
    assert picker._line.toolTip() == picker._line.text()


def test_a_model_is_chosen_by_name_or_file(picker: ModelPicker, models, qtbot) -> None:
    with qtbot.waitSignal(picker.valueChanged, timeout=1000):
        picker.setValue("rings")
    assert picker.value() == models["rings"]
    assert "research only" in picker._line.text()
    picker.setValue(models["spots"])
    card = picker.card()
    assert card is not None
    assert card.name == "spots"


def test_an_unusable_model_says_why(picker: ModelPicker, models) -> None:
    picker.setValue(models["broken"])
    assert picker.card() is None
    assert "broken.safetensors" in picker.problem()
    assert picker._line.text() == picker.problem()
    assert not picker._about.isEnabled()
    picker.show_card()
    assert picker._dialog is None


def test_the_card_opens_beside_the_window(picker: ModelPicker) -> None:
    picker._about.click()
    first = picker._dialog
    assert first is not None
    assert first.windowTitle() == "Dark spots"
    assert not first.isModal()
    picker.setValue("rings")
    picker._about.click()
    assert picker._dialog is not first
    assert not first.isVisible()


def test_without_any_model(qtbot) -> None:
    widget = ModelPicker({})
    qtbot.addWidget(widget)
    assert widget.value() is None
    assert widget.problem() == NO_MODEL


def test_the_models_of_the_package_are_listed(
    models, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_picker, "bundled_models", lambda: models)
    widget = ModelPicker()
    qtbot.addWidget(widget)
    assert widget._list.count() == 3


class TestAdding:
    def test_an_added_file_is_chosen_and_stays(self, tmp_path: Path, qtbot) -> None:
        picker = ModelPicker({"spots": write_model(tmp_path)})
        qtbot.addWidget(picker)
        other = write_model(tmp_path, name="other", title="Others")
        with qtbot.waitSignals([picker.valueChanged, picker.told], timeout=20_000):
            picker.addFiles([other])
        assert picker.value() == other.resolve()
        assert picker._list.currentText() == "Others · free use"
        assert added_models() == [other.resolve()]
        with qtbot.waitSignal(picker.told, timeout=20_000):
            picker.addFiles([other])  # a second time it is the same one
        assert picker._list.count() == 2

    def test_a_bad_file_is_one_sentence_and_changes_nothing(self, tmp_path: Path, qtbot) -> None:
        picker = ModelPicker({"spots": write_model(tmp_path)})
        qtbot.addWidget(picker)
        bad = tmp_path / "bad.safetensors"
        bad.write_bytes(b"no")
        with (
            qtbot.assertNotEmitted(picker.valueChanged),
            qtbot.waitSignal(picker.told, timeout=20_000) as signal,
        ):
            picker.addFiles([bad])
        assert "bad.safetensors cannot be used" in signal.args[0]
        assert picker._list.count() == 1
        assert added_models() == []
