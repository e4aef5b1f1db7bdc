"""Steps that tests of the Open panel share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_selfreg.widgets.open_panel import OpenPanel
from tests.io.image_files import tissue
from tests.widgets.waits import LONG


def write_fields(folder: Path, names: str = "abc", suffix: str = "png") -> Path:
    """Write small pictures of different widths into a new folder."""
    folder.mkdir(parents=True)
    for index, name in enumerate(names):
        Image.fromarray(tissue(40, 60 + index)).save(folder / f"{name}.{suffix}")
    return folder


def docked(viewer: Any) -> OpenPanel:
    panel = OpenPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Open")
    return panel


def wait_shown(panel: OpenPanel, qtbot: Any, stem: str) -> Any:
    """Wait until a field is on the viewer and nothing more is going on; return its image."""

    def there() -> bool:
        field = panel.stage.field
        shown = field is not None and field.stem == stem and panel.stage.image is not None
        return shown and not panel.opener.busy and not panel.opener.looker.running

    qtbot.waitUntil(there, timeout=LONG)
    return panel.stage.image


def open_and_wait(panel: OpenPanel, qtbot: Any, path: Path, stem: str) -> Any:
    panel.open_paths([path])
    return wait_shown(panel, qtbot, stem)


def drop(widget: QWidget, *paths: Path, modifiers: Any = None) -> tuple[bool, bool]:
    """Drag files over a widget and let go; tell which of both steps was accepted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    held = Qt.KeyboardModifier.NoModifier if modifiers is None else modifiers
    common = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, held)
    enter = QDragEnterEvent(QPointF(5, 5).toPoint(), *common)
    enter.setAccepted(False)
    QApplication.sendEvent(widget, enter)
    let_go = QDropEvent(QPointF(5, 5), *common)
    let_go.setAccepted(False)
    QApplication.sendEvent(widget, let_go)
    return enter.isAccepted(), let_go.isAccepted()
