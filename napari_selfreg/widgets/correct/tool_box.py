"""The tools of the Correct panel: what the mouse does, and what is done to chosen objects."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.correct.hand import SIZES, Tool
from napari_selfreg.widgets.guards import ignore_stray_wheel

_TOOLS: tuple[tuple[Tool, str, str], ...] = (
    ("brush", "Smart brush", "Drag from an object to extend it, from elsewhere to draw one (S)"),
    ("wand", "Wand", "Click what looks alike: it becomes an object, or part of one (W)"),
    ("cut", "Cut", "Draw a line right through objects to cut them apart (C)"),
)
_HINTS = {
    "brush": "Drag: extend or draw. Alt: take away. Click: choose.",
    "wand": "Click: take what looks alike. Shift + click: choose.",
    "cut": "Draw a line right through an object. Click: choose.",
    None: "One of napari's own tools is in the hand: its strokes are kept, too.",
}
NOT_SELECTED = (
    "The corrections are not selected in the layer list: press a tool to go on with them."
)
REGIONS = "The reviewed regions are selected: press a tool to go on with the corrections."
LOOKED_AT = "This project can only be looked at here."


class ToolBox(QWidget):
    """Chooses the tool and its size.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.

    Attributes
    ----------
    chosen : Signal(str)
        A person wants a tool.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons = {name: button(text, tip, checkable=True) for name, text, tip in _TOOLS}
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        for name, each in self.buttons.items():
            self._group.addButton(each)
            each.clicked.connect(self._choose)
            each.setProperty("tool", name)
        self.size_slider = _slider(
            *SIZES, "Size of the brush on the screen, at every zoom ([ and ])"
        )
        self.tolerance = _slider(2, 40, "How different the wand may find what still belongs")
        self.tolerance.setValue(10)
        self.by_model = QCheckBox("Follow the model")
        self.by_model.setToolTip(
            "Take what the model found almost as probable, not what has a colour"
        )
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self._arrange()

    def show_tool(self, tool: Tool | None, size: int) -> None:
        """Show what is in the hand; None is a tool of napari."""
        for name, each in self.buttons.items():
            each.setChecked(name == tool)
        with signals_blocked(self.size_slider):
            self.size_slider.setValue(size)
        self.hint.setText(_HINTS[tool])
        for part in self._of_wand:
            part.setVisible(tool == "wand")
        for part in self._of_brush:
            part.setVisible(tool != "wand")
            part.setEnabled(tool == "brush")

    def _choose(self) -> None:
        self.chosen.emit(str(self.sender().property("tool")))

    def _arrange(self) -> None:
        row = QHBoxLayout()
        for each in self.buttons.values():
            row.addWidget(each)
        grid = QGridLayout()
        size, tolerance = QLabel("Size"), QLabel("Tolerance")
        self._of_brush: tuple[QWidget, ...] = (size, self.size_slider)
        self._of_wand: tuple[QWidget, ...] = (tolerance, self.tolerance, self.by_model)
        grid.addWidget(size, 0, 0)
        grid.addWidget(self.size_slider, 0, 1, 1, 2)
        grid.addWidget(tolerance, 1, 0)
        grid.addWidget(self.tolerance, 1, 1)
        grid.addWidget(self.by_model, 1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addLayout(grid)
        column.addWidget(self.hint)


class ObjectBox(QWidget):
    """Buttons for chosen objects.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.merge_button = button("Merge", "Join the chosen objects to one (J)")
        self.delete_button = button("Delete", "Make the chosen objects background (Del)")
        self.fill_button = button("Fill holes", "Fill the holes of the chosen objects (I)")
        self.smooth_button = button("Smooth", "Smooth the outlines of the chosen objects (O)")
        self.accept_button = button("Accept ✓", "These objects are right as they are (A)")
        self.previous_button = button("◀ Previous", "The object before, not yet accepted (Shift+N)")
        self.next_button = button("Next ▶", "The next object not yet accepted (N)")
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class")
        self.classes.setToolTip("The class of new objects; Set class gives it to the chosen ones")
        self.class_button = button("Set class", "Give this class to the chosen objects (K)")
        ignore_stray_wheel(self.classes)
        self._arrange()
        self.setChosen(0)

    def changing(self) -> tuple[QWidget, ...]:
        """Return the buttons that need chosen objects."""
        return (
            self.merge_button,
            self.delete_button,
            self.fill_button,
            self.smooth_button,
            self.accept_button,
            self.class_button,
        )

    def setChosen(self, count: int) -> None:
        """Show how many objects are chosen."""
        words = {0: "No object chosen", 1: "1 object chosen"}
        self.title.setText(words.get(count, f"{count} objects chosen"))
        for each in self.changing():
            each.setEnabled(count > 0)
        self.merge_button.setEnabled(count > 1)

    def chosenClass(self) -> str:
        """Return the class on show; empty where there is no choice."""
        return self.classes.currentText() if self.classes.count() > 1 else ""

    def setClasses(self, names: Sequence[str]) -> None:
        """Offer the classes of the field."""
        self.classes.clear()
        self.classes.addItems(list(names))
        for part in (self.classes, self.class_button):
            part.setVisible(len(names) > 1)

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.title, 0, 0, 1, 3)
        rows = (
            (self.merge_button, self.fill_button, self.smooth_button),
            (self.delete_button, self.accept_button, self.class_button),
        )
        for row, parts in enumerate(rows, start=1):
            for column, part in enumerate(parts):
                grid.addWidget(part, row, column)
        grid.addWidget(self.classes, 3, 0, 1, 3)
        walk = QHBoxLayout()
        walk.addWidget(self.previous_button)
        walk.addWidget(self.next_button)
        grid.addLayout(walk, 4, 0, 1, 3)


def _slider(low: int, high: int, tip: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setToolTip(tip)
    slider.setAccessibleName(tip.split(",")[0])
    ignore_stray_wheel(slider)
    return slider
