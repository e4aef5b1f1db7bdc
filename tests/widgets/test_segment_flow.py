"""What follows a run: sliders, kept work, questions, fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import terms
from napari_selfreg.io.speeds import record_speed
from napari_selfreg.widgets import segment_panel
from napari_selfreg.widgets.batch_run import NO_FIELDS
from napari_selfreg.widgets.correct.new_result import BESIDE
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.segment_panel import ONE_RUN
from tests.widgets.fakes import FakeJob, make_card, write_model
from tests.widgets.finetune.cases import new_project
from tests.widgets.panel_steps import add_field, names, run_to_the_end, truth_of
from tests.widgets.waits import LONG


def test_sliders_change_the_result_and_the_next_run(make_panel, field, qtbot) -> None:
    sieve = {"min_area_um2": 10.0, "separation": 0.0}
    viewer, panel, job = make_panel(window=True, postprocessing=sieve)
    add_field(viewer, field)
    labels = run_to_the_end(panel, qtbot)
    info = result_info(labels)
    assert info is not None
    assert info.settings == panel.sliders.value() == panel.value().settings
    told: list[Any] = []
    panel.shared.resultChanged.connect(told.append)
    with qtbot.waitSignal(panel.relabeller.relabelled, timeout=LONG):
        panel.sliders.smallest.setValue(150)
    np.testing.assert_array_equal(labels.data > 0, truth_of(field) & (labels.data == 1))
    assert list(labels.features["area_um2"])[1:] == [200]
    assert "1 object" in panel.status.text()
    assert len(told) == 1
    assert len(job.requests) == 1  # from the probabilities that are kept
    assert names(viewer) == ["field", "field spots"]
    labels.undo()
    assert labels.data.max() == 1
    run_to_the_end(panel, qtbot)
    assert job.requests[-1].settings.min_area_um2 == 150


def test_what_a_person_has_painted_is_kept(make_panel, field, qtbot) -> None:
    viewer, panel, _ = make_panel()
    add_field(viewer, field)
    labels = run_to_the_end(panel, qtbot)
    labels.paint((30, 70), 9)
    before = labels.data.copy()
    with qtbot.waitSignal(panel.relabeller.relabelled, timeout=LONG):
        panel.sliders.smallest.setValue(150)
    np.testing.assert_array_equal(labels.data, before)
    assert names(viewer) == ["field", "field spots", "field spots [1]"]
    assert "is kept" in panel.status.text()
    assert not labels.visible


def test_a_new_result_beside_corrections_is_said(make_panel, field, qtbot, tmp_path) -> None:
    viewer, panel, _ = make_panel()
    add_field(viewer, field, name="other")
    with new_project(tmp_path, count=1) as project:
        panel.shared.set_project(project)
        run_to_the_end(panel, qtbot)
        assert BESIDE not in panel.status.text()
        image = add_field(viewer, field)
        path = project.images.path("f1")
        image.metadata[SOURCE_KEY] = SourceInfo(path, "field", PixelSize(1, 1), False)
        panel.layer_picker.setValue(image)
        before = np.array(project.labels("f1"))
        run_to_the_end(panel, qtbot)
        assert BESIDE in panel.status.text()
        np.testing.assert_array_equal(project.labels("f1"), before)
        panel.shared.set_project(None)


def test_finished_tiles_are_kept_when_cancelled(make_panel, field, qtbot) -> None:
    job = FakeJob(tiles=4)
    viewer, panel, _ = make_panel(job)
    add_field(viewer, field)
    job.gate.clear()
    panel.run_button.click()
    qtbot.waitUntil(lambda: bool(job.requests), timeout=LONG)
    panel.control._run.tiles = 1
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
        assert panel.run_button.text() == "Stopping…"
        job.gate.set()
    labels = signal.args[0]
    assert labels.data[:15].any()
    assert not labels.data[15:].any()
    assert "Stopped early." in panel.status.text()
    assert job.tiles_done == 1


def test_a_second_cancel_drops_it(make_panel, field, qtbot) -> None:
    job = FakeJob()
    viewer, panel, _ = make_panel(job)
    add_field(viewer, field)
    job.gate.clear()
    panel.run_button.click()
    qtbot.waitUntil(lambda: bool(job.requests), timeout=LONG)
    panel.control._run.tiles = 1
    panel.cancel()
    with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
        panel.cancel()
    assert names(viewer) == ["field"]


def test_extra_layers(make_panel, field, qtbot) -> None:
    viewer, panel, job = make_panel()
    add_field(viewer, field)
    panel.form.advanced.uncertainty.setChecked(True)
    panel.form.advanced.probability.setChecked(True)
    panel.form.advanced.tta.setChecked(True)
    panel.form.advanced.skip_glass.setChecked(False)
    labels = run_to_the_end(panel, qtbot)
    assert names(viewer) == [
        "field",
        "field probability of spot",
        "field uncertainty",
        "field spots",
    ]
    assert job.requests[0].tta
    assert not job.requests[0].skip_glass
    assert OWN_KEY in viewer.layers["field uncertainty"].metadata
    assert panel.layer_picker.count() == 1
    info = result_info(labels)
    assert info is not None
    assert info.tta


def test_a_long_run_asks_first(make_panel, field, qtbot) -> None:
    viewer, panel, job = make_panel()
    add_field(viewer, field)
    record_speed("auto", 1e6, 1e6)
    panel.run_button.click()
    assert not panel.runner.running
    assert not panel.question.isHidden()
    assert "h" in panel.question.text.text()
    with qtbot.waitSignal(panel.segmented, timeout=LONG):
        panel.question.run_button.click()
    assert panel.question.isHidden()
    assert len(job.requests) == 1


def test_much_memory_asks_too(make_panel, field, qtbot, monkeypatch) -> None:
    viewer, panel, job = make_panel()
    add_field(viewer, field)
    monkeypatch.setattr(segment_panel, "free_memory", lambda: 100_000)
    panel.run_button.click()
    assert not panel.question.isHidden()
    panel.question.view_button.click()
    assert panel.area_picker.value() == "view"
    assert not job.requests  # the view is the whole image here: still too much


def test_a_dropped_model_is_added_and_chosen(make_panel, tmp_path: Path, qtbot) -> None:
    _, panel, _ = make_panel()
    other = write_model(tmp_path, name="other", title="Others")
    with qtbot.waitSignal(panel.model_picker.told, timeout=LONG):
        panel.shared.modelDropped.emit(other)
    assert panel.value().model == other.resolve()
    assert panel.shared.card.name == "other"


def test_a_pixel_size_that_was_chosen_elsewhere_counts(make_panel, field) -> None:
    viewer, panel, _ = make_panel()
    image = viewer.add_image(field, rgb=True)
    panel.pixel_size_edit.setValue(PixelSize.isotropic(2), "typed here")
    panel.form._on_pixel_size()
    image.scale, image.units = (0.5, 0.5), ("um", "um")
    panel.shared.pixelSizeChanged.emit(image)
    assert panel.pixel_size_edit.value() == PixelSize.isotropic(0.5)


def test_run_on_all_without_fields_says_so(make_panel) -> None:
    _, panel, _ = make_panel()
    panel.shared.runAllRequested.emit()
    assert not panel.batch.runner.running
    assert panel._last_words == NO_FIELDS


def test_why_not_all_are_run_is_said_where_it_was_asked(make_panel, field, qtbot) -> None:
    viewer, panel, job = make_panel()
    job.gate.clear()
    said: list[str] = []
    panel.shared.fields = FieldList()
    panel.shared.fields.batchTold.connect(said.append)
    panel.terms_notice.setCard(make_card(research_only=True, name="never-read"))
    panel.run_on_all()
    assert "terms" in said[-1]
    assert "Segment panel" in said[-1]
    panel.terms_notice.setCard(None)
    add_field(viewer, field)
    panel.run()
    panel.run_on_all()
    assert said[-1] == ONE_RUN
    job.gate.set()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=LONG)


def test_terms_read_while_models_are_tried_need_no_second_look(make_panel, field) -> None:
    viewer, panel, _ = make_panel(research_only=True)
    add_field(viewer, field)
    assert panel.terms_notice.pending
    panel.try_all()
    dialog = panel.try_all_dialog
    terms.remember(panel.model_picker.card().name)
    dialog.reject()
    assert not panel.terms_notice.pending
    assert panel.run_button.isEnabled()
