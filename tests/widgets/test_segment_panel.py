"""The whole panel in a real viewer, with a job of its own instead of the engine."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.suitability import no_colours
from napari_selfreg.widgets import segment_run
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.sentences import describe_failure
from tests.widgets.fakes import FakeJob
from tests.widgets.panel_steps import (
    MICRONS,
    add_field,
    double_click,
    names,
    run_to_the_end,
    truth_of,
)
from tests.widgets.waits import LONG


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
        assert list(labels.features["index"]) == [0, 1, 2, 3]
        np.testing.assert_allclose(labels.features["area_um2"][1:], [25, 12.5, 12.5])
        assert "3 objects found" in panel.status.text()
        assert panel.run_button.text() == "Run"

    def test_a_double_click_on_run_does_not_cancel(self, make_panel, field, qtbot) -> None:
        viewer, panel, _ = make_panel()
        add_field(viewer, field)
        with qtbot.waitSignal(panel.segmented, timeout=LONG):
            double_click(panel.run_button)
        assert names(viewer) == ["field", "field spots"]

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
        assert panel.status.text().endswith(no_colours())

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

    def start(self, make_panel, field, qtbot, window: bool = False, **kwargs: Any) -> Any:
        viewer, panel, job = make_panel(FakeJob(**kwargs), window=window)
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
        viewer, panel, job, _ = self.start(make_panel, field, qtbot, window=True)
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            viewer.window.remove_dock_widget(panel)
        assert job.closed.is_set()
        assert names(viewer) == ["field"]
        qtbot.addWidget(panel)

    def test_closing_the_viewer(self, make_panel, field, qtbot) -> None:
        viewer, _, job, _ = self.start(make_panel, field, qtbot, window=True)
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
            patch.setattr(segment_run, "add_result", full)
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
        panel.control._on_events((tile,))
        assert names(viewer) == ["field", "preview (in progress)"]
        assert viewer.layers.selection.active == image
        preview = viewer.layers["preview (in progress)"]
        assert preview.data.min() == 255
        viewer.layers.remove(preview)
        panel.control._on_events((tile,))
        assert names(viewer) == ["field"]
        with qtbot.waitSignal(panel.segmented, timeout=LONG):
            job.gate.set()


def test_closing_the_dock_sets_the_panel_free(make_panel, field, qtbot) -> None:
    viewer, panel, job = make_panel(window=True)
    add_field(viewer, field)
    run_to_the_end(panel, qtbot)
    gone = weakref.ref(panel)
    viewer.window.remove_dock_widget(panel)
    del panel, job

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    qtbot.waitUntil(is_gone, timeout=LONG)
