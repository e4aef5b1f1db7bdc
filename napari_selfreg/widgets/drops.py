"""Files dropped on the window, on its canvas or on a panel: one way for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_selfreg.io.sniff import IMAGE_SUFFIXES, INDEX_SUFFIXES
from napari_selfreg.io.volume.names import is_nifti

MODEL_SUFFIX = ".safetensors"

_OTHER_SLIDES = (".dcm", ".dicom", ".czi")
_OURS = IMAGE_SUFFIXES.union(INDEX_SUFFIXES, _OTHER_SLIDES)
_ENTERING = (QEvent.Type.DragEnter, QEvent.Type.DragMove)


class DropFilter(QObject):
    """Takes images, folders and models that are dropped on widgets; leaves the rest to them.

    Parameters
    ----------
    take : callable
        Gets the dropped paths.
    parent : QObject
        Its life is the filter's.

    Attributes
    ----------
    active : bool
        Whether anything is taken.
    """

    active = False  # when a panel closes Python's half of this goes before Qt's

    def __init__(self, take: Callable[[list[Path]], None], parent: QObject) -> None:
        super().__init__(parent)
        self._take = take
        self.active = True

    def watch(self, widget: QWidget) -> None:
        """Take what is dropped on a widget, whether it takes drops itself or not."""
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def watch_window(self, window: QWidget) -> None:
        """Take what is dropped on any part of a window that takes drops: the canvas of napari."""
        for widget in _outside_of_docks(window):
            if widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: Any) -> bool:
        """Handle drags with files of ours."""
        if not self.active:
            return False
        if event.type() in _ENTERING:
            if not dropped_paths(event):
                return False
            event.acceptProposedAction()
            return True
        if event.type() == QEvent.Type.Drop:
            paths = dropped_paths(event)
            if paths:
                event.acceptProposedAction()
                self._take(paths)
            return bool(paths)
        return False


def _outside_of_docks(widget: QWidget) -> Iterator[QWidget]:
    """Yield a widget and those in it, but no docks: what these do not take reaches the window.

    To ask Qt for the parts of a panel makes objects of Python that PySide keeps for good.
    """
    yield widget
    for child in widget.children():
        if isinstance(child, QWidget) and not isinstance(child, QDockWidget):
            yield from _outside_of_docks(child)


def dropped_paths(event: QDropEvent) -> list[Path]:
    """Return the files and folders of a drag, or nothing if one of them is not for us.

    A drag with Shift or Alt is napari's own: as a stack, or with a choice of readers.
    """
    held = event.modifiers()
    if held & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier):
        return []
    urls = event.mimeData().urls()
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return paths if len(paths) == len(urls) and all(map(is_ours, paths)) else []


def is_ours(path: Path) -> bool:
    """Tell whether a path looks like an image, a folder or a model."""
    suffix = path.suffix.lower()
    known = suffix == MODEL_SUFFIX or suffix in _OURS or is_nifti(path)
    return known or path.is_dir()
