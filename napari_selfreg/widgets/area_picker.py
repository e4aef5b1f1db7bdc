"""Choose how much of an image to work on."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from napari_selfreg.widgets.areas import Scope

_CHOICES: dict[Scope, tuple[str, str]] = {
    "view": ("Current view", "Only what the window shows now"),
    "whole": ("Whole image", "All of this image, or of this slice of it"),
    "shapes": (
        "Selected shapes",
        "Only inside the selected shapes of a Shapes layer: rectangles, ellipses, polygons",
    ),
}


class AreaPicker(QWidget):
    """Current view, whole image or selected shapes.

    Attributes
    ----------
    valueChanged : Signal()
        Another area is chosen.
    """

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: dict[Scope, QRadioButton] = {}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for scope, (text, tip) in _CHOICES.items():
            button = QRadioButton(text)
            button.setToolTip(tip)
            self._group.addButton(button)
            self._buttons[scope] = button
            column.addWidget(button)
        self._buttons["whole"].setChecked(True)
        self._group.buttonToggled.connect(self._on_toggle)

    def value(self) -> Scope:
        """Return ``view``, ``whole`` or ``shapes``."""
        return next(scope for scope, button in self._buttons.items() if button.isChecked())

    def setValue(self, value: Scope) -> None:
        """Choose an area."""
        self._buttons[value].setChecked(True)

    def button(self, scope: Scope) -> QRadioButton:
        """Return the button of an area."""
        return self._buttons[scope]

    def _on_toggle(self, button: QRadioButton, checked: bool) -> None:
        if checked:
            self.valueChanged.emit()
