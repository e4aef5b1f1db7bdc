"""The Workbench: our panels as tabs in one dock, and starting napari with it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QStyle, QTabWidget, QVBoxLayout, QWidget

from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.segment_panel import SegmentPanel

TITLE = "Segmentation workbench"

_CHANGES_OF_SIZE = (QEvent.Type.Show, QEvent.Type.LayoutRequest, QEvent.Type.StyleChange)


class Workbench(QWidget):
    """All panels, each on a tab that scrolls.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Handed to every panel.
    parent : QWidget, optional
        Parent of the widget.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open_panel = OpenPanel(napari_viewer)
        self.segment_panel = SegmentPanel(napari_viewer)
        self.tabs = QTabWidget()
        self.tabs.addTab(_PanelScroll(self.open_panel), "Open")
        self.tabs.addTab(_PanelScroll(self.segment_panel), "Segment")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        self.open_panel.drops.watch(self)


def launch() -> None:
    """Open napari with the Workbench docked, and return when the window is closed."""
    import napari

    viewer = napari.Viewer()
    add_workbench(viewer)
    napari.run()


def add_workbench(viewer: Any) -> Workbench:
    """Dock a Workbench at the right of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.

    Returns
    -------
    Workbench
    """
    workbench = Workbench(viewer)
    viewer.window.add_dock_widget(workbench, name=TITLE, area="right")
    return workbench


class _PanelScroll(QScrollArea):
    """Lets a panel scroll up and down instead of stretching the window."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        self.setWidget(panel)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A scroll area alone would let a narrow dock cut the panel at its right.
        if watched is self._panel and event.type() in _CHANGES_OF_SIZE:
            self.setMinimumWidth(self._needed_width())
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        # Wrapped sentences would ask for a dock as wide as they are.
        return QSize(self._needed_width(), self._panel.sizeHint().height())

    def _needed_width(self) -> int:
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return self._panel.minimumSizeHint().width() + bar
