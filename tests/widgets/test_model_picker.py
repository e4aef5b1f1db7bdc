from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.io.added_models import added_models
from napari_selfreg.widgets import model_picker
from napari_selfreg.widgets.model_picker import NO_MODEL, ModelPicker
from napari_selfreg.widgets.runner import JobRunner
from tests.widgets.fakes import write_model
from tests.widgets.waits import LONG


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
    with qtbot.waitSignal(picker.valueChanged, timeout=LONG):
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
    def test_files_that_come_while_others_are_read_have_their_turn(
        self, tmp_path: Path, qtbot
    ) -> None:
        picker, other = ModelPicker({"spots": write_model(tmp_path)}), QWidget()
        for widget in (picker, other):
            qtbot.addWidget(widget)
        gate, tidying = threading.Event(), JobRunner(other, lane="files")

        def tidy() -> Iterator[None]:
            while not gate.wait(0.01):
                yield

        tidying.start(tidy)  # the first reading has to wait for it
        paths = [write_model(tmp_path, name=name) for name in ("first", "second", "third")]
        for path in paths:
            picker.addFiles([path])
        gate.set()
        qtbot.waitUntil(lambda: picker.value() == paths[-1].resolve(), timeout=LONG)
        assert [entry.path.stem for entry in picker.entries()[1:]] == ["first", "second", "third"]

    def test_files_that_come_before_a_failure_have_their_turn(
        self, tmp_path: Path, qtbot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        picker = ModelPicker({"spots": write_model(tmp_path)})
        qtbot.addWidget(picker)
        reading = model_picker.new_models

        def failing(paths: tuple[Path, ...]) -> Iterator[None]:
            yield
            raise OSError("the disk is full")

        monkeypatch.setattr(model_picker, "new_models", failing)
        with qtbot.waitSignal(picker.told, timeout=LONG) as signal:
            picker.addFiles([tmp_path / "any.safetensors"])
            monkeypatch.setattr(model_picker, "new_models", reading)
            other = write_model(tmp_path, name="other")
            picker.addFiles([other])
        assert "the disk is full" in signal.args[0]
        qtbot.waitUntil(lambda: picker.value() == other.resolve(), timeout=LONG)

    def test_an_added_file_is_chosen_and_stays(self, tmp_path: Path, qtbot) -> None:
        picker = ModelPicker({"spots": write_model(tmp_path)})
        qtbot.addWidget(picker)
        other = write_model(tmp_path, name="other", title="Others")
        with qtbot.waitSignals([picker.valueChanged, picker.told], timeout=LONG):
            picker.addFiles([other])
        assert picker.value() == other.resolve()
        assert picker._list.currentText() == "Others · free use"
        assert added_models() == [other.resolve()]
        with qtbot.waitSignal(picker.told, timeout=LONG):
            picker.addFiles([other])  # a second time it is the same one
        assert picker._list.count() == 2

    def test_a_bad_file_is_one_sentence_and_changes_nothing(self, tmp_path: Path, qtbot) -> None:
        picker = ModelPicker({"spots": write_model(tmp_path)})
        qtbot.addWidget(picker)
        bad = tmp_path / "bad.safetensors"
        bad.write_bytes(b"no")
        with (
            qtbot.assertNotEmitted(picker.valueChanged),
            qtbot.waitSignal(picker.told, timeout=LONG) as signal,
        ):
            picker.addFiles([bad])
        assert "bad.safetensors cannot be used" in signal.args[0]
        assert picker._list.count() == 1
        assert added_models() == []
