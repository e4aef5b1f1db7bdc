from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.model_drops import ModelDrops


@pytest.fixture
def panel(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.drops = ModelDrops(widget)
    return widget


def drop(panel: QWidget, *paths: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(1, 1),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    # Qt itself delivers a drop only at the end of a drag by a real hand.
    return bool(panel.drops.eventFilter(panel, event))


def test_models_are_taken(panel: QWidget, tmp_path: Path, qtbot) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "B.SAFETENSORS"]
    with qtbot.waitSignal(panel.drops.dropped) as signal:
        assert drop(panel, *paths)
    assert signal.args == [paths]


def test_everything_else_is_left_to_the_window(panel: QWidget, tmp_path: Path, qtbot) -> None:
    with qtbot.assertNotEmitted(panel.drops.dropped):
        assert not drop(panel, tmp_path / "a.tif")
        assert not drop(panel, tmp_path / "a.safetensors", tmp_path / "a.tif")
        assert not drop(panel)
