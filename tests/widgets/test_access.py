"""Every panel with the keyboard alone, and for screen readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy import QtGui
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from napari_selfreg.widgets.correct.panel import CorrectPanel
from napari_selfreg.widgets.finetune.panel import FinetunePanel
from napari_selfreg.widgets.inside.panel import InsidePanel
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.results_panel import ResultsPanel
from napari_selfreg.widgets.segment_panel import SegmentPanel

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
)


PANELS = (OpenPanel, SegmentPanel, CorrectPanel, FinetunePanel, InsidePanel, ResultsPanel)


@pytest.fixture(params=PANELS)
def panel(request, make_napari_viewer_proxy) -> QWidget:
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.full((40, 50, 3), 200, np.uint8), rgb=True, units=["um", "um"])
    panel = request.param(viewer)
    viewer.window.add_dock_widget(panel, name="panel")
    return panel


def controls(panel: QWidget) -> Iterator[QWidget]:
    """Yield what a person can use, without the parts that Qt makes such things of."""
    for child in panel.findChildren(QWidget):
        parts = (QComboBox, QAbstractSpinBox, QAbstractItemView)
        inside = child.parentWidget()
        while inside is not None and inside is not panel and not isinstance(inside, parts):
            inside = inside.parentWidget()
        if isinstance(child, CONTROLS) and inside is panel and not isinstance(child, QScrollBar):
            yield child


def says(control: QWidget) -> str:
    accessible = QtGui.QAccessible
    return str(accessible.queryAccessibleInterface(control).text(accessible.Text.Name))


def described(control: QWidget) -> str:
    return f"{type(control).__name__} {control.toolTip() or control.objectName()!r}"


def test_every_control_has_a_name_and_a_tip(panel: QWidget) -> None:
    if hasattr(QtGui, "QAccessible"):  # PyQt6 does not wrap it
        look_for_names(panel)
    look_for_tips(panel)


def look_for_names(panel: QWidget) -> None:
    found = list(controls(panel))
    assert found
    assert [described(each) for each in found if not says(each).strip("…▸▾ ")] == []


def look_for_tips(panel: QWidget) -> None:
    # The lines of a list have tips of their own.
    shown = [each for each in controls(panel) if not isinstance(each, QAbstractItemView)]
    shown = [each for each in shown if each.isVisible()]
    assert len(shown) >= 3
    assert [type(each).__name__ for each in shown if not each.toolTip()] == []


def test_tab_goes_through_the_panel_as_one_reads(panel: QWidget, qtbot: Any) -> None:
    qtbot.wait(50)
    order, each = [], panel.nextInFocusChain()
    # Not further: what is met there would be kept alive, and the viewer with it.
    while panel.isAncestorOf(each):
        stops = bool(each.focusPolicy() & Qt.FocusPolicy.TabFocus) and each.isVisible()
        if stops and each.isEnabled():
            order.append(each)
        each = each.nextInFocusChain()
    places = [each.mapTo(panel, QPoint(0, 0)) for each in order]
    lines = [(place.y() // 12, place.x()) for place in places]
    assert len(order) >= 3
    wrong = [
        (described(order[i]), described(order[i + 1]))
        for i in range(len(lines) - 1)
        if lines[i + 1][0] < lines[i][0] - 1
    ]
    assert wrong == []
