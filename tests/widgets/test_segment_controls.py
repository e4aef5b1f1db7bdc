"""When the panel may run, and the keys that do it."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.layers import ORIGIN_KEY
from napari_selfreg.widgets.segment_panel import SegmentPanel
from tests.widgets.panel_steps import add_field, run_to_the_end
from tests.widgets.waits import LONG


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
        panel.layer_picker.setFocus()
        qtbot.waitUntil(panel.layer_picker.hasFocus, timeout=LONG)
        job.gate.clear()
        qtbot.keyClick(panel.layer_picker, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert panel.runner.running
        with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
            qtbot.keyClick(panel.layer_picker, Qt.Key.Key_Escape)

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
