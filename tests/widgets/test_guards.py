"""Small protections: closed windows, proxies, the wheel, the selection."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QLabel,
    QMainWindow,
    QScrollArea,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.widgets import guards
from napari_selfreg.widgets.guards import (
    alive,
    bare,
    collection_spared,
    ignore_stray_wheel,
    in_front,
    reveal,
    selection_kept,
)
from tests.widgets.waits import LONG


def turn_wheel(widget: QWidget) -> None:
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.fixture
def two(qtbot) -> tuple[QSpinBox, QSpinBox]:
    window = QWidget()
    column = QVBoxLayout(window)
    boxes = QSpinBox(), QSpinBox()
    for box in boxes:
        column.addWidget(box)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.setFocus()
    boxes[0].window_ = window  # type: ignore[attr-defined]
    return boxes


def test_the_wheel_changes_only_what_has_the_focus(two, monkeypatch) -> None:
    guarded, free = two
    ignore_stray_wheel(guarded)
    monkeypatch.setattr(guarded, "hasFocus", lambda: False)
    turn_wheel(guarded)
    turn_wheel(free)
    assert guarded.value() == 0
    assert free.value() == 1
    assert guarded.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_the_wheel_is_left_alone_in_a_field_in_use(two, qtbot) -> None:
    guarded, _ = two
    ignore_stray_wheel(guarded)
    guarded.activateWindow()
    guarded.setFocus()
    if guarded.hasFocus():  # a screen without window manager may give the focus to nobody
        turn_wheel(guarded)
        assert guarded.value() == 1


def test_a_deleted_widget_is_not_alive(qtbot) -> None:
    widget = QWidget()
    assert alive(widget)
    with qtbot.waitSignal(widget.destroyed):
        widget.deleteLater()
    assert not alive(widget)


def test_proxies_stand_for_the_same_thing() -> None:
    viewer = ViewerModel()
    first, second = PublicOnlyProxy(viewer), PublicOnlyProxy(viewer)
    assert first is not second
    assert bare(first) is bare(second) is bare(PublicOnlyProxy(first)) is viewer
    assert bare(viewer) is viewer
    assert bare(None) is None


class TestSelection:
    @pytest.fixture
    def viewer(self) -> ViewerModel:
        model = ViewerModel()
        for name in "abc":
            model.add_image(np.zeros((4, 4)), name=name)
        model.layers.selection = {model.layers["a"], model.layers["b"]}
        model.layers.selection.active = model.layers["a"]
        return model

    def test_adding_changes_nothing(self, viewer: ViewerModel) -> None:
        before = set(viewer.layers.selection), viewer.layers.selection.active
        with selection_kept(viewer):
            added = viewer.add_image(np.zeros((4, 4)))
            assert viewer.layers.selection.active is added
        assert (set(viewer.layers.selection), viewer.layers.selection.active) == before

    def test_what_was_removed_is_not_selected(self, viewer: ViewerModel) -> None:
        with selection_kept(viewer):
            viewer.layers.remove("a")
        assert {layer.name for layer in viewer.layers.selection} <= {"b"}
        assert viewer.layers.selection.active in (viewer.layers["b"], None)

    def test_an_error_inside_leaves_the_selection_too(self, viewer: ViewerModel) -> None:
        chosen = set(viewer.layers.selection)
        with pytest.raises(ValueError, match="inside"), selection_kept(viewer):
            viewer.layers.selection.clear()
            raise ValueError("inside")
        assert set(viewer.layers.selection) == chosen


@pytest.mark.skipif(sys.platform == "win32", reason="there it is searched")
def test_nothing_is_searched_for_garbage_while_layers_go():
    with collection_spared():
        assert gc.get_freeze_count() > 0
        assert gc.collect() == 0
    assert gc.get_freeze_count() == 0


def test_windows_keeps_its_search(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    with collection_spared():
        assert gc.get_freeze_count() == 0


def test_garbage_made_meanwhile_goes_later():
    loop = [object()]
    loop.append(loop)
    with pytest.raises(ValueError, match="inside"), collection_spared():
        del loop
        raise ValueError("inside")
    assert gc.collect() > 0


def test_a_sentence_at_the_end_of_a_low_panel_is_scrolled_to(qtbot) -> None:
    area, panel, sentence = QScrollArea(), QWidget(), QLabel()
    qtbot.addWidget(area)
    column = QVBoxLayout(panel)
    column.addSpacing(500)
    column.addWidget(sentence)
    area.setWidgetResizable(True)
    area.setWidget(panel)
    area.resize(200, 150)
    area.show()
    sentence.setText("Copied.")
    assert sentence.visibleRegion().isEmpty()
    reveal(sentence)
    qtbot.waitUntil(lambda: not sentence.visibleRegion().isEmpty())


def test_a_sentence_that_scrolls_nowhere_or_is_gone_does_no_harm(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(guards, "_LAYOUT_MS", 10)
    sentence, gone = QLabel("Copied."), QLabel()
    qtbot.addWidget(sentence)
    reveal(sentence)
    reveal(gone)
    gone.deleteLater()
    later: list[int] = []
    QTimer.singleShot(30, lambda: later.append(1))  # once both have been looked for
    qtbot.waitUntil(lambda: bool(later))
    assert not alive(gone)


def test_what_lies_behind_a_tab_or_another_dock_is_not_in_front(qtbot) -> None:
    tabs, pages = QTabWidget(), [QWidget(), QWidget()]
    qtbot.addWidget(tabs)
    for page in pages:
        tabs.addTab(page, "")
    assert [in_front(page) for page in pages] == [True, False]

    window, labels = QMainWindow(), [QLabel("a"), QLabel("b")]
    qtbot.addWidget(window)
    docks = [QDockWidget(window) for _ in labels]
    for dock, label in zip(docks, labels, strict=True):
        dock.setWidget(label)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.tabifyDockWidget(*docks)
    window.show()
    for first in (0, 1):
        docks[first].raise_()
        qtbot.waitUntil(lambda front=labels[first]: in_front(front), timeout=LONG)
        assert not in_front(labels[1 - first])
