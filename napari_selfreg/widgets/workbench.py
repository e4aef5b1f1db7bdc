"""The Workbench: our panels as tabs in one dock, and starting napari with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QStyle, QTabWidget, QVBoxLayout, QWidget

from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.layers import is_picture
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.preload import Preloader
from napari_selfreg.widgets.shared import PathOffer, shared_for
from napari_selfreg.widgets.timers import single_shot

if TYPE_CHECKING:
    from napari_selfreg.widgets.correct.panel import CorrectPanel
    from napari_selfreg.widgets.finetune.panel import FinetunePanel
    from napari_selfreg.widgets.inside.panel import InsidePanel
    from napari_selfreg.widgets.results_panel import ResultsPanel
    from napari_selfreg.widgets.segment_panel import SegmentPanel

# As napari calls what it opens from its menu, which thus shows and hides this one, too.
TITLE = "Segmentation workbench (Self Reg)"

_OPEN, _SEGMENT, _CORRECT, _FINETUNE, _INSIDE, _RESULTS = range(6)
_TABS = (
    ("Open", "Open pictures, slides and folders, and say how large their pixels are"),
    ("Segment", "Find the objects of a picture with a model"),
    ("Correct", "Put right what the model got wrong; every stroke is kept"),
    ("Fine-tune", "Let a model learn from corrections, and see whether it got better"),
    ("Look inside", "What every block of a model sees, and how alike its channels are"),
    ("Results", "Totals, measurements, and what to save"),
)
_CHANGES_OF_SIZE = (QEvent.Type.Show, QEvent.Type.LayoutRequest, QEvent.Type.StyleChange)

_REST_MS = 50  # the panel in front is painted before the next one is made
_WIDTH = 353  # of the widest panel: the image must not move when that is made later


class Workbench(QWidget):
    """All panels, each on a tab that scrolls.

    The panel in front is made at once, the others when the window comes to rest or somebody asks
    for them, so that the Workbench opens quickly.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Handed to every panel.
    parent : QWidget, optional
        Parent of the widget.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self._panels: dict[int, QWidget] = {}
        self.tabs = QTabWidget()
        # With napari's own padding the six titles are wider than the panels need to be.
        self.tabs.setStyleSheet("QTabBar::tab { padding: 3px 2px; }")
        self._pages = [_PanelScroll() for _ in _TABS]
        for page, (title, tip) in zip(self._pages, _TABS, strict=True):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        # Where there is a picture already, opening one is not what comes next.
        if any(is_picture(layer) for layer in napari_viewer.layers):
            self.tabs.setCurrentIndex(_SEGMENT)
        self.open_panel.drops.watch(self)
        self._panel(self.tabs.currentIndex())
        self.tabs.currentChanged.connect(self._panel)
        self._clicked = single_shot(self, 0, self._take_focus)
        self.tabs.tabBarClicked.connect(self._clicked.start)
        shared_for(napari_viewer).projectOffered.connect(self._on_project)
        self._rest = QTimer(self)
        self._rest.timeout.connect(self._make_next)
        Preloader(self)

    def _take_focus(self) -> None:
        """Let the keys of the tab work that was clicked; those of Correct are the picture's."""
        index = self.tabs.currentIndex()
        if index != _CORRECT:
            self._panel(index).setFocus()

    @property
    def open_panel(self) -> OpenPanel:
        """The Open panel."""
        return self._panel(_OPEN)

    @property
    def segment_panel(self) -> SegmentPanel:
        """The Segment panel."""
        return self._panel(_SEGMENT)

    @property
    def correct_panel(self) -> CorrectPanel:
        """The Correct panel."""
        return self._panel(_CORRECT)

    @property
    def finetune_panel(self) -> FinetunePanel:
        """The Fine-tune panel."""
        return self._panel(_FINETUNE)

    @property
    def inside_panel(self) -> InsidePanel:
        """The panel Look inside."""
        return self._panel(_INSIDE)

    @property
    def results_panel(self) -> ResultsPanel:
        """The Results panel."""
        return self._panel(_RESULTS)

    def showEvent(self, event: QShowEvent) -> None:
        """Make the other panels once the window has come to rest."""
        super().showEvent(event)
        self._rest.start(_REST_MS)

    def _on_project(self, offer: PathOffer) -> None:
        """Open a project in the Correct panel, and bring that to the front."""
        if alive(self) and not offer.taken:
            offer.taken = True
            self.tabs.setCurrentIndex(_CORRECT)
            self.correct_panel.open_project(offer.path)

    def _make_next(self) -> None:
        """Make one panel that is missing; one at a time, so that the window stays alive."""
        missing = [index for index in range(len(_TABS)) if index not in self._panels]
        if missing:
            self._panel(missing[0])
        else:
            self._rest.stop()

    def _panel(self, index: int) -> Any:
        if index not in self._panels:
            self._panels[index] = _panel_class(index)(self._viewer)
            self._pages[index].setPanel(self._panels[index])
        return self._panels[index]


def _panel_class(index: int) -> Callable[[Any], QWidget]:
    """Return the class of a panel; imported only now, as that takes time too."""
    if index == _SEGMENT:
        from napari_selfreg.widgets.segment_panel import SegmentPanel

        return SegmentPanel
    if index == _CORRECT:
        from napari_selfreg.widgets.correct.panel import CorrectPanel

        return CorrectPanel
    if index == _FINETUNE:
        from napari_selfreg.widgets.finetune.panel import FinetunePanel

        return FinetunePanel
    if index == _INSIDE:
        from napari_selfreg.widgets.inside.panel import InsidePanel

        return InsidePanel
    if index == _RESULTS:
        from napari_selfreg.widgets.results_panel import ResultsPanel

        return ResultsPanel
    return OpenPanel


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

    def __init__(self) -> None:
        super().__init__()
        self._panel: QWidget | None = None
        self.setMinimumWidth(_WIDTH)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def setPanel(self, panel: QWidget) -> None:
        """Hold a panel from now on."""
        self._panel = panel
        self.setWidget(panel)
        # Behind another tab it would only ask for its width, and move the image, when it is shown.
        panel.ensurePolished()
        self.setMinimumWidth(self._needed_width())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A scroll area alone would let a narrow dock cut the panel at its right.
        if watched is self._panel and event.type() in _CHANGES_OF_SIZE:
            self.setMinimumWidth(self._needed_width())
        return super().eventFilter(watched, event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Scroll to what Tab leads to, but stay where a button has just been switched off."""
        before, bar = self.focusWidget(), self.verticalScrollBar()
        gone = before is not None and not (before.isEnabled() and before.isVisibleTo(self))
        place = bar.value()
        moved = super().focusNextPrevChild(forward)
        if gone:
            bar.setValue(place)
            self._leave_what_is_out_of_sight()
        return moved

    def _leave_what_is_out_of_sight(self) -> None:
        """Let no key press a button that nobody sees."""
        focused = self.focusWidget()
        if self._panel is not None and focused is not None and focused.visibleRegion().isEmpty():
            self._panel.setFocus()

    def sizeHint(self) -> QSize:
        # Wrapped sentences would ask for a dock as wide as they are.
        if self._panel is None:
            return super().sizeHint()
        return QSize(self._needed_width(), self._panel.sizeHint().height())

    def _needed_width(self) -> int:
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return (self._panel.minimumSizeHint().width() if self._panel else 0) + bar
