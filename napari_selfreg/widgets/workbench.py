"""The Workbench: our panels as tabs in one dock, and starting napari with it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_selfreg.widgets.segment_panel import SegmentPanel

TITLE = "Segmentation workbench"


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
        self.segment_panel = SegmentPanel(napari_viewer)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(_scrolling(self.segment_panel), "Segment")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)


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


def _scrolling(panel: QWidget) -> QScrollArea:
    """Put a panel where it scrolls instead of stretching the window."""
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
