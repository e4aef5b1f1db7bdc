"""What the buttons of the Results panel do, without a window."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QWidget

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.geojson_labels import read_geojson
from napari_selfreg.widgets import results_actions
from napari_selfreg.widgets.result_info import IMPORTED, RESULT_KEY, mark_touched, result_info
from napari_selfreg.widgets.results_actions import NO_IMAGE, OUT_OF_VIEW, ResultsActions
from napari_selfreg.widgets.results_form import ResultsForm
from tests.widgets.results_steps import add_objects, files_of, squares
from tests.widgets.waits import LONG


@pytest.fixture
def acting(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A result with its buttons; dialogs answer with what ``reply`` says."""
    viewer, panel = ViewerModel(), QWidget()
    qtbot.addWidget(panel)
    image, layer = add_objects(viewer)
    form = ResultsForm(viewer, panel)
    actions = ResultsActions(viewer, form, panel)
    actions.setLayer(layer)
    reply: dict[str, Any] = {"ask_folder": tmp_path / "out", "ask_to_replace": True}
    begun: list[Path] = []

    def answer(name: str) -> Any:
        def ask(parent: QWidget, *args: Any) -> Any:
            begun.extend(each for each in args[:1] if isinstance(each, Path))
            return reply.get(name)

        return ask

    for name in ("ask_folder", "ask_to_replace", "ask_picture", "ask_labels"):
        monkeypatch.setattr(results_actions, name, answer(name))
    return SimpleNamespace(
        viewer=viewer,
        panel=panel,
        image=image,
        layer=layer,
        form=form,
        actions=actions,
        reply=reply,
        begun=begun,
    )


def done(acting: Any, qtbot: Any) -> str:
    qtbot.waitUntil(lambda: not acting.actions.runner.running, timeout=LONG)
    return str(acting.form.status.text())


@pytest.mark.parametrize("compressed", [True, False])
def test_saving(acting: Any, tmp_path: Path, qtbot, compressed: bool) -> None:
    acting.form.compressed.setChecked(compressed)
    acting.form.save_button.click()
    assert not acting.form.save_button.isEnabled()
    assert not acting.form.cancel_button.isHidden()
    assert done(acting, qtbot).endswith("in the folder out: drop the outlines on QuPath's window.")
    outlines = tmp_path / "out" / f"field 1_objects.geojson{'.gz' * compressed}"
    assert outlines.name in files_of(tmp_path / "out")
    assert np.array_equal(read_geojson(outlines, (60, 80)).labels, squares())
    assert acting.form.save_button.isEnabled()
    assert acting.form.cancel_button.isHidden()


@pytest.mark.parametrize("question", ["ask_folder", "ask_to_replace"])
def test_whoever_changes_her_mind_saves_nothing(acting: Any, tmp_path: Path, question: str) -> None:
    acting.reply[question] = None
    acting.form.save_button.click()
    assert not acting.actions.runner.running
    assert not (tmp_path / "out").exists()


def test_a_picture_of_the_field(acting: Any, tmp_path: Path, qtbot) -> None:
    acting.reply["ask_picture"] = tmp_path / "field.png"
    acting.form.field_button.click()
    assert done(acting, qtbot) == f"Saved field.png in the folder {tmp_path.name}."
    assert (tmp_path / "field.png").stat().st_size > 100
    assert acting.begun[-1].name == "field 1_field.png"


def test_a_view_that_shows_nothing_is_no_picture(
    acting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_actions, "label_view", lambda *_: Box(3, 3, 3, 9))
    acting.form.view_button.click()
    assert acting.form.status.text() == OUT_OF_VIEW
    assert acting.begun == []


def test_the_sentence_says_that_a_person_has_corrected(acting: Any) -> None:
    clipboard = QApplication.clipboard()
    acting.form.copy_button.click()
    before = clipboard.text()
    assert "Dark spots" in before
    assert acting.form.status.text().startswith("Copied: ")
    mark_touched(acting.layer)
    acting.form.copy_button.click()
    assert clipboard.text() != before
    assert "corrected" in clipboard.text()


def test_labels_come_back_as_a_result_of_nobody(acting: Any, tmp_path: Path, qtbot) -> None:
    acting.form.save_button.click()
    done(acting, qtbot)
    acting.reply["ask_labels"] = tmp_path / "out" / "field 1_objects.tif"
    told: list[Any] = []
    acting.actions._shared.resultChanged.connect(told.append)
    acting.form.import_button.click()
    assert done(acting, qtbot) == "6 objects imported from field 1_objects.tif."
    layer = acting.viewer.layers["field 1 imported"]
    assert np.array_equal(layer.data > 0, squares() > 0)
    assert result_info(layer).model_name == IMPORTED
    assert len(told) == 1
    acting.actions.setLayer(layer)
    acting.form.copy_button.click()
    assert "Dark spots" not in QApplication.clipboard().text()


def test_without_an_image_there_is_nothing_to_import_onto(acting: Any) -> None:
    acting.viewer.layers.clear()
    acting.actions.setLayer(None)
    acting.form.import_button.click()
    assert acting.form.status.text() == NO_IMAGE
    assert not acting.form.save_button.isEnabled()
    assert acting.form.import_button.isEnabled()


def test_an_image_that_goes_meanwhile_gets_no_labels(acting: Any, tmp_path: Path, qtbot) -> None:
    acting.form.save_button.click()
    done(acting, qtbot)
    acting.reply["ask_labels"] = tmp_path / "out" / "field 1_objects.tif"
    acting.form.import_button.click()
    acting.viewer.layers.remove(acting.image)
    assert "removed meanwhile" in done(acting, qtbot)
    assert "field 1 imported" not in [layer.name for layer in acting.viewer.layers]


def test_cancelling_leaves_no_file(
    acting: Any, tmp_path: Path, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = results_actions.save_results

    def save_slowly(*args: Any) -> Any:
        for event in whole(*args):
            while not acting.actions.runner.cancelling:
                time.sleep(0.005)
            yield event

    monkeypatch.setattr(results_actions, "save_results", save_slowly)
    acting.form.save_button.click()
    acting.form.cancel_button.click()
    assert acting.form.cancel_button.text() == "Stopping…"
    assert done(acting, qtbot) == "Cancelled: nothing was changed."
    assert not (tmp_path / "out").exists() or files_of(tmp_path / "out") == []


def test_what_was_written_before_the_cancelling_was_noticed_is_told(
    acting: Any, tmp_path: Path, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = results_actions.save_results

    def save_and_be_cancelled(*args: Any) -> Any:
        saved = yield from whole(*args)
        acting.actions.runner.cancel()
        return saved

    monkeypatch.setattr(results_actions, "save_results", save_and_be_cancelled)
    acting.form.save_button.click()
    assert "Saved field 1_objects" in done(acting, qtbot)
    assert len(files_of(tmp_path / "out")) == 3


def test_two_things_at_once_are_one(acting: Any, tmp_path: Path, qtbot) -> None:
    acting.form.save_button.click()
    acting.reply["ask_picture"] = tmp_path / "field.png"
    acting.actions.save_field()
    assert "Saved field 1_objects" in done(acting, qtbot)
    assert not (tmp_path / "field.png").exists()


def test_a_result_of_another_size_is_measured_in_its_own(acting: Any) -> None:
    info = replace(result_info(acting.layer), pixel_size=PixelSize(0.25, 0.25))
    acting.layer.metadata[RESULT_KEY] = info
    acting.form.copy_button.click()
    assert "0.25" in QApplication.clipboard().text()
