"""Model files that are dropped on a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.io.bundle import SUFFIX

_DRAGS = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)


class ModelDrops(QObject):
    """Takes files that end like models; everything else is left to the window.

    Parameters
    ----------
    panel : QWidget
        Where they are dropped.

    Attributes
    ----------
    dropped : Signal(list)
        Their paths.
    """

    dropped = Signal(list)

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        panel.setAcceptDrops(True)
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept a drag that holds nothing but models."""
        if event.type() not in _DRAGS:
            return False
        paths = model_paths(event)
        if not paths:
            event.ignore()
            return False
        event.acceptProposedAction()  # type: ignore[attr-defined]
        if event.type() == QEvent.Type.Drop:
            self.dropped.emit(paths)
        return True


def model_paths(event: Any) -> list[Path]:
    """Return the files of a drag, or nothing if one of them is no model by its name."""
    urls = event.mimeData().urls()
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    wanted = paths and all(path.suffix.lower() == SUFFIX for path in paths)
    return paths if wanted and len(paths) == len(urls) else []
