"""The whole panel in a real viewer, with a job of its own instead of the engine."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets import segment_panel
from napari_selfreg.widgets.layers import ORIGIN_KEY, OWN_KEY
from napari_selfreg.widgets.segment_panel import SegmentPanel
from napari_selfreg.widgets.sentences import GREY, describe_failure
from tests.widgets.fakes import FakeJob

LONG = 20_000
"""Milliseconds that only a hanging test needs."""

MICRONS = {"units": ["um", "um"]}


def add_field(viewer: Any, data: np.ndarray, name: str = "field", **kwargs: Any) -> Any:
    return viewer.add_image(data, name=name, rgb=True, **(MICRONS | kwargs))


def run_to_the_end(panel, qtbot) -> Any:
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    return signal.args[0]


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def truth_of(field: np.ndarray) -> np.ndarray:
    return field[..., 0] < 100


class TestResult:
    def test_objects_lie_on_the_image_with_their_measurements(
        self, make_panel, field, qtbot
    ) -> None:
        viewer, panel, _ = make_panel()
        image = add_field(viewer, field, scale=(0.5, 0.25), translate=(7, -3), rotate=30)
        labels = run_to_the_end(panel, qtbot)
        assert names(viewer) == ["field", "field spots"]
        assert labels.data.dtype == np.int32
        np.testing.assert_array_equal(labels.data > 0, truth_of(field))
        for point in ([0, 0], [59, 79], [30, 50]):
            np.testing.assert_allclose(labels.data_to_world(point), image.data_to_world(point))
        assert list(labels.features["index"]) == [1, 2, 3]
        np.testing.assert_allclose(labels.features["area_um2"], [25, 12.5, 12.5])
        assert "3 objects found" in panel.status.text()
        assert panel.run_button.text() == "Run"

    def test_on_a_slice_of_an_anisotropic_stack(self, make_panel, field, qtbot) -> None:
        viewer, panel, _ = make_panel()
        stack = np.stack([np.full_like(field, 255), field, np.full_like(field, 255)])
        image = viewer.add_image(
            stack, rgb=True, scale=(4, 0.5, 0.25), translate=(10, 1, 2), units=["um"] * 3
        )
        viewer.dims.set_current_step(0, 1)
        labels = run_to_the_end(panel, qtbot)
        assert labels.data.shape == (1, 60, 80)
        np.testing.assert_array_equal(labels.data[0] > 0, truth_of(field))
        np.testing.assert_allclose(
            labels.data_to_world([0, 30, 50]), image.data_to_world([1, 30, 50])
        )
        assert viewer.dims.range[0] == (10, 18, 4)

    def test_nothing_of_the_persons_is_changed(self, make_panel, field, qtbot) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        mine = viewer.add_labels(np.zeros((60, 80), int), name="field spots")
        mine.fill((3, 3), 7)
        mine.fill((3, 3), 8)
        before = mine.data.copy()
        result = run_to_the_end(panel, qtbot)
        assert result.name == "field spots [1]"
        again = run_to_the_end(panel, qtbot)
        assert again.name == "field spots [2]"
        np.testing.assert_array_equal(mine.data, before)
        result.undo()
        assert result.data.any()
        mine.undo()
        assert set(np.unique(mine.data)) == {7}
        mine.undo()
        assert not mine.data.any()

    def test_the_result_is_selected_unless_a_tool_is_in_hand(
        self, make_panel, field, qtbot
    ) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        first = run_to_the_end(panel, qtbot)
        assert viewer.layers.selection.active == first
        mine = viewer.add_labels(np.zeros((60, 80), int), name="mine")
        mine.mode = "paint"
        run_to_the_end(panel, qtbot)
        assert viewer.layers.selection.active == mine
        assert mine.mode == "paint"

    def test_a_grey_image_is_remarked(self, make_panel, field, qtbot) -> None:
        viewer, panel, _ = make_panel()
        viewer.add_image(field[..., 0], **MICRONS)
        run_to_the_end(panel, qtbot)
        assert panel.status.text().endswith(GREY)

    def test_notices_stand_behind_the_count(self, make_panel, field, qtbot) -> None:
        viewer, panel, _ = make_panel(FakeJob(notice="A smaller batch was used."))
        add_field(viewer, field)
        run_to_the_end(panel, qtbot)
        assert panel.status.text().endswith("A smaller batch was used.")


class TestArea:
    def test_the_current_view(self, make_panel, field, qtbot) -> None:
        viewer, panel, job = make_panel()
        add_field(viewer, field, scale=(0.5, 0.5))
        viewer.scene.camera.center = (17.5, 27.5)
        viewer.canvas.size = (400, 400)
        viewer.scene.camera.zoom = 400 / 15
        panel.area_picker.setValue("view")
        labels = run_to_the_end(panel, qtbot)
        assert job.requests[0].box.shape == (31, 31)
        assert labels.data.shape == (60, 80)
        only = np.zeros((60, 80), bool)
        only[30:40, 50:60] = True
        np.testing.assert_array_equal(labels.data > 0, only)

    def test_out_of_view_is_told(self, make_panel, field) -> None:
        viewer, panel, job = make_panel()
        add_field(viewer, field)
        panel.area_picker.setValue("view")
        viewer.scene.camera.center = (9000, 9000)
        panel.run_button.click()
        assert "not in view" in panel.status.text()
        assert not job.requests
        viewer.dims.ndisplay = 3
        panel._refresh()
        assert not panel.run_button.isEnabled()

    def test_selected_shapes(self, make_panel, field, qtbot) -> None:
        viewer, panel, job = make_panel()
        image = add_field(viewer, field, scale=(0.5, 0.5), translate=(3, 4))
        panel.area_picker.setValue("shapes")
        assert not panel.run_button.isEnabled()
        assert "Draw a shape" in panel.status.text()
        corners = [image.data_to_world(corner) for corner in ([3, 8], [3, 20], [16, 20], [16, 8])]
        shapes = viewer.add_shapes([np.array(corners)])
        shapes.selected_data = {0}
        qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
        labels = run_to_the_end(panel, qtbot)
        only = np.zeros((60, 80), bool)
        only[5:15, 10:20] = True
        difference = (labels.data > 0) != only
        assert difference.sum() <= 10  # the rim of the shape, half a pixel
        assert job.requests[0].mask is not None


class TestEndings:
    """Whatever ends a job, the preview goes and the panel can be used again."""

    def start(self, make_panel, field, qtbot, **kwargs: Any) -> Any:
        viewer, panel, job = make_panel(FakeJob(**kwargs), show=kwargs.get("show", False))
        image = add_field(viewer, field)
        job.gate.clear()
        panel.run_button.click()
        qtbot.waitUntil(lambda: bool(job.requests), timeout=LONG)
        return viewer, panel, job, image

    def test_cancel(self, make_panel, field, qtbot) -> None:
        viewer, panel, job, _ = self.start(make_panel, field, qtbot)
        assert panel.run_button.text() == "Cancel"
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            panel.run_button.click()
        assert names(viewer) == ["field"]
        assert job.closed.is_set()
        assert "Cancelled" in panel.status.text()
        job.gate.set()
        run_to_the_end(panel, qtbot)

    def test_removing_the_image(self, make_panel, field, qtbot) -> None:
        viewer, panel, job, image = self.start(make_panel, field, qtbot)
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            viewer.layers.remove(image)
        assert names(viewer) == []
        assert not panel.run_button.isEnabled()
        add_field(viewer, field)
        job.gate.set()
        run_to_the_end(panel, qtbot)

    def test_removing_another_layer_or_renaming_does_not_matter(
        self, make_panel, field, qtbot
    ) -> None:
        viewer, panel, job, image = self.start(make_panel, field, qtbot)
        other = viewer.add_labels(np.zeros((9, 9), int))
        viewer.layers.remove(other)
        image.name = "renamed"
        image.translate = (5, 6)
        with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
            job.gate.set()
        assert signal.args[0].name == "renamed spots"
        np.testing.assert_allclose(signal.args[0].translate, (5, 6))

    def test_replacing_the_data_by_another_shape(self, make_panel, field, qtbot) -> None:
        viewer, panel, job, image = self.start(make_panel, field, qtbot)
        image.data = np.zeros((70, 90, 3), np.uint8)
        with qtbot.waitSignal(panel.runner.finished, timeout=LONG):
            job.gate.set()
        assert names(viewer) == ["field"]
        assert "has changed" in panel.status.text()

    def test_closing_the_dock(self, make_panel, field, qtbot) -> None:
        viewer, panel, job, _ = self.start(make_panel, field, qtbot)
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            viewer.window.remove_dock_widget(panel)
        assert job.closed.is_set()
        assert names(viewer) == ["field"]
        qtbot.addWidget(panel)

    def test_closing_the_viewer(self, make_panel, field, qtbot) -> None:
        viewer, _, job, _ = self.start(make_panel, field, qtbot)
        viewer.close()
        qtbot.waitUntil(job.closed.is_set, timeout=LONG)

    @pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2\ncannot"), BadModelError("No.")])
    def test_an_error_is_shown(self, make_panel, field, qtbot, error: Exception) -> None:
        viewer, panel, job = make_panel(FakeJob(error=error))
        add_field(viewer, field)
        with qtbot.waitSignal(panel.runner.failed, timeout=LONG):
            panel.run_button.click()
        assert panel.status.text() == describe_failure(error)
        assert str(error).split("\n")[0] in panel.status.text()
        assert names(viewer) == ["field"]
        job.error = None
        run_to_the_end(panel, qtbot)

    def test_a_result_that_cannot_be_shown(self, make_panel, field, qtbot, monkeypatch) -> None:
        def full(*args: Any) -> None:
            raise MemoryError

        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        with monkeypatch.context() as patch, qtbot.waitSignal(panel.runner.finished, timeout=LONG):
            patch.setattr(segment_panel, "add_result", full)
            panel.run_button.click()
        assert "memory" in panel.status.text()
        assert panel.run_button.text() == "Run"
        run_to_the_end(panel, qtbot)


class TestPreview:
    def test_it_streams_and_goes(self, make_panel, field, qtbot) -> None:
        job = FakeJob(tiles=8)
        viewer, panel, _ = make_panel(job)
        image = add_field(viewer, field, scale=(0.5, 0.5), translate=(2, 3))
        previews: list[tuple] = []

        def note(event) -> None:
            layer = event.value
            if OWN_KEY in layer.metadata:
                previews.append((viewer.layers.selection.active.name, panel.layer_picker.value()))

        viewer.layers.events.inserted.connect(note)
        run_to_the_end(panel, qtbot)
        assert len(previews) <= 1
        assert names(viewer) == ["field", "field spots"]
        assert panel.layer_picker.value() == image

    def test_a_preview_may_be_removed_by_hand(self, make_panel, field, qtbot) -> None:
        job = FakeJob(tiles=200)
        viewer, panel, _ = make_panel(job)
        image = add_field(viewer, field)
        job.gate.clear()
        panel.run_button.click()
        qtbot.waitUntil(lambda: bool(job.requests), timeout=LONG)
        request = job.requests[0]
        from napari_selfreg.engine.events import TileDone

        tile = TileDone(request.box, np.full((30, 40), 255, np.uint8), 1, 2)
        panel._on_events((tile,))
        assert names(viewer) == ["field", "preview (in progress)"]
        assert viewer.layers.selection.active == image
        preview = viewer.layers["preview (in progress)"]
        assert preview.data.min() == 255
        viewer.layers.remove(preview)
        panel._on_events((tile,))
        assert names(viewer) == ["field"]
        with qtbot.waitSignal(panel.segmented, timeout=LONG):
            job.gate.set()


class TestReadiness:
    def test_without_an_image(self, make_panel) -> None:
        _, panel, _ = make_panel()
        assert not panel.run_button.isEnabled()
        assert "Open an image" in panel.status.text()

    def test_an_unknown_pixel_size_must_be_chosen(self, make_panel, field, qtbot) -> None:
        viewer, panel, job = make_panel()
        first = viewer.add_image(field, rgb=True, name="first")
        assert panel.pixel_size_edit.value() is None
        assert not panel.run_button.isEnabled()
        assert "pixels" in panel.status.text()
        action = next(a for a in panel.pixel_size_edit._menu.actions() if "20×" in a.text())
        action.trigger()
        assert panel.run_button.isEnabled()
        run_to_the_end(panel, qtbot)
        assert job.requests[0].pixel_size == PixelSize(0.5, 0.5)
        viewer.add_image(field, rgb=True, name="second")
        assert panel.pixel_size_edit.value() is None
        panel.layer_picker.setValue(first)
        assert panel.pixel_size_edit.value() == PixelSize(0.5, 0.5)

    def test_an_absurd_pixel_size_counts_as_unknown(self, make_panel, field) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field, scale=(352.9, 352.9))
        assert panel.pixel_size_edit.value() is None

    def test_where_the_pixel_size_comes_from_is_said(self, make_panel, field) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        assert panel.pixel_size_edit.origin() == "stated by the image"
        add_field(viewer, field, metadata={ORIGIN_KEY: "estimated"})
        assert panel.pixel_size_edit.origin() == "estimated"

    def test_the_panel_follows_the_selected_image(self, make_panel, field) -> None:
        viewer, panel, _ = make_panel()
        first, second = add_field(viewer, field, "a"), add_field(viewer, field, "b")
        assert panel.layer_picker.value() == second
        viewer.layers.selection.active = first
        assert panel.layer_picker.value() == first
        viewer.add_labels(np.zeros((4, 4), int))
        assert panel.layer_picker.value() == first
        first.name = "c"
        assert panel.layer_picker.currentText() == "c"

    def test_research_terms_are_read_once(self, make_panel, field) -> None:
        card = {"research_only": True, "terms": "Only for research."}
        viewer, panel, _ = make_panel(**card)
        add_field(viewer, field)
        assert not panel.terms_notice.isHidden()
        assert not panel.run_button.isEnabled()
        assert "terms" in panel.status.text()
        panel.terms_notice._button.click()
        assert panel.terms_notice.isHidden()
        assert panel.run_button.isEnabled()

    def test_settings_can_be_read_and_set(self, make_panel, field) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        settings = panel.value()
        assert settings.scope == "whole"
        assert settings.device == "auto"
        panel.device_picker.setValue("cpu")
        panel.area_picker.setValue("view")
        assert panel.value() != settings
        panel.setValue(settings)
        assert panel.value() == settings


class TestKeyboard:
    def test_run_and_cancel(self, make_panel, field, qtbot) -> None:
        viewer, panel, job = make_panel(show=True)
        add_field(viewer, field)
        panel.activateWindow()
        panel.device_picker.setFocus()
        qtbot.waitUntil(panel.device_picker.hasFocus, timeout=LONG)
        job.gate.clear()
        qtbot.keyClick(panel.device_picker, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert panel.runner.running
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            qtbot.keyClick(panel.device_picker, Qt.Key.Key_Escape)

    def test_tab_goes_from_top_to_bottom(self, qtbot) -> None:
        panel = SegmentPanel(ViewerModel(), models={})
        qtbot.addWidget(panel)
        parts = [
            panel.model_picker,
            panel.layer_picker,
            panel.pixel_size_edit,
            panel.area_picker,
            panel.device_picker,
            panel.run_button,
        ]
        reached: list[QWidget] = []
        widget = panel.nextInFocusChain()
        while widget is not panel:
            for part in parts:
                if (part is widget or part.isAncestorOf(widget)) and part not in reached:
                    reached.append(part)
            widget = widget.nextInFocusChain()
        assert reached == parts


def test_closing_the_dock_sets_the_panel_free(make_panel, field, qtbot) -> None:
    viewer, panel, job = make_panel()
    add_field(viewer, field)
    run_to_the_end(panel, qtbot)
    gone = weakref.ref(panel)
    viewer.window.remove_dock_widget(panel)
    del panel, job

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    qtbot.waitUntil(is_gone, timeout=LONG)
