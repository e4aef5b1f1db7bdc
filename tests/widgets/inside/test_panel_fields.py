"""The panel and the numbers of several fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Progress
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.inside.fields_job import (
    LEFT_OUT,
    NO_SIZES,
    FieldNumbers,
    FieldsRequest,
)
from napari_selfreg.widgets.terms_notice import READ_TERMS
from tests.widgets.inside.test_panel import look
from tests.widgets.panel_steps import add_field
from tests.widgets.waits import LONG


def opened(panel: Any, tmp_path: Path, *sizes: PixelSize | None) -> None:
    """Let the Open panel list fields of these pixel sizes."""
    fields = [Field(tmp_path / f"{number}.png") for number, _ in enumerate(sizes)]
    for each, size in zip(fields, sizes, strict=True):
        each.pixel_size = size
    panel.shared.fields = fields
    panel.shared.fieldsChanged.emit()


def test_nothing_is_shown_or_measured_before_the_terms_are_read(
    make_inside, field, tmp_path
) -> None:
    viewer, panel, _ = make_inside(research_only=True)
    add_field(viewer, field)
    opened(panel, tmp_path, PixelSize(1, 1), PixelSize(1, 1))
    assert panel.status.text() == READ_TERMS
    assert not panel.show_button.isEnabled()
    panel.show_maps()
    panel.status.setText("")
    panel.measure_fields()
    assert not panel.runner.running
    assert panel.status.text() == READ_TERMS
    panel.form.terms_notice._button.click()
    assert panel.show_button.isEnabled()
    assert panel.status.text() == ""


def test_fields_are_measured_and_those_of_unknown_size_are_told(
    make_inside, qtbot, field, tmp_path
) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    asked: list[FieldsRequest] = []

    def measure(request: FieldsRequest):
        asked.append(request)
        yield Progress(0, 1, "Measuring 0")
        return FieldNumbers(request.names, ({},), {}, 1, request.notes)

    panel._fields_job = measure
    look(panel, qtbot)
    words = panel.status.text()
    assert not panel.redundancy.fields_button.isVisibleTo(panel.redundancy)
    opened(panel, tmp_path, PixelSize(1, 1), None)
    assert panel.redundancy.fields_button.isVisibleTo(panel.redundancy)
    with qtbot.waitSignal(panel.runner.finished, timeout=LONG):
        panel.redundancy.fields_button.click()
    assert asked[0].fields == ((tmp_path / "0.png", PixelSize(1, 1)),)
    assert panel.redundancy.status.text() == LEFT_OUT.format(1)
    assert panel.status.text() == words  # what is on the canvas is explained still
    assert panel.show_button.text() == "Show"


def test_fields_without_any_pixel_size_are_not_measured_in_silence(
    make_inside, field, tmp_path
) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    opened(panel, tmp_path, None, None)
    panel.redundancy.fields_button.click()
    assert panel.status.text() == NO_SIZES
    assert not panel.runner.running
