"""Show and change the size of a pixel, which may be unknown."""

from __future__ import annotations

from qtpy.QtCore import QRegularExpression, Signal
from qtpy.QtGui import QAction, QRegularExpressionValidator
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.pixel_size import LARGEST_UM, SMALLEST_UM, plausible

OBJECTIVES = {"40×": 0.25, "20×": 0.5, "10×": 1.0, "5×": 2.0}
"""Usual micrometres per pixel of slide scanners at a magnification."""

_RANGE = f"{SMALLEST_UM:g} to {LARGEST_UM:g} µm"


class NumberEdit(QLineEdit):
    """A number above 0 with point or comma; empty while it is unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("?")
        self.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d*[.,]?\d*"), self))
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00000"))

    def number(self) -> float | None:
        """Return the number, None for an empty field or 0."""
        try:
            return float(self.text().replace(",", ".")) or None
        except ValueError:
            return None

    def setNumber(self, number: float | None) -> None:
        """Show a number with six digits, or nothing."""
        self.setText("" if number is None else f"{number:.6g}")


class _MicronEdit(NumberEdit):
    """A number of micrometres."""

    def __init__(self, which: str) -> None:
        super().__init__()
        self.setToolTip(f"Micrometres per pixel {which}, {_RANGE}. x follows y while both agree.")
        self.setAccessibleName(f"Pixel size {which}")


class PixelSizeEdit(QWidget):
    """Micrometres per pixel along y and x; empty while nobody knows.

    Parameters
    ----------
    parent : QWidget, optional
        Parent of the widget.
    menu : bool
        Whether magnifications are offered in a menu beside the numbers.

    Attributes
    ----------
    valueChanged : Signal()
        The value is another one, by whomever.
    edited : Signal()
        A person has chosen the value.
    """

    valueChanged = Signal()
    edited = Signal()

    def __init__(self, parent: QWidget | None = None, *, menu: bool = True) -> None:
        super().__init__(parent)
        self._value: PixelSize | None = None
        self._square = True  # of the last complete value: x follows y
        self._y = _MicronEdit("along y (rows)")
        self._x = _MicronEdit("along x (columns)")
        self._y.textEdited.connect(self._on_y)
        self._x.textEdited.connect(self._on_edit)
        self._origin = QLabel()
        self._origin.setWordWrap(True)
        self._button = QPushButton("Set")
        self._button.setToolTip("Choose the pixel size by the magnification of the scan")
        self._menu = QMenu(self._button)
        self._menu.triggered.connect(self._choose)
        self._button.setMenu(self._menu)
        self.setModelSize(None)
        self._arrange()
        self._button.setVisible(menu)
        self.setValue(None)

    def value(self) -> PixelSize | None:
        """Return the pixel size, or None while it is unknown."""
        return self._value

    def origin(self) -> str:
        """Return where the value comes from, in words."""
        return self._origin.text()

    def setValue(self, value: PixelSize | None, origin: str = "") -> None:
        """Show a pixel size and, in words, where it comes from."""
        self._y.setNumber(value.y if value else None)
        self._x.setNumber(value.x if value else None)
        self._tell(origin)
        self._set(value)

    def setModelSize(self, size: PixelSize | None) -> None:
        """Offer the pixel size that the model was trained at, beside the magnifications."""
        self._menu.clear()
        for name, um in OBJECTIVES.items():
            self._offer(f"{name} objective: {um:g} µm/px", PixelSize.isotropic(um))
        if size is not None:
            self._menu.addSeparator()
            self._offer(f"As the model's own pictures: {size.mean:.3g} µm/px", size)

    def _offer(self, text: str, size: PixelSize) -> None:
        self._menu.addAction(text).setData((size.y, size.x))

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("y"))
        row.addWidget(self._y, 1)
        row.addWidget(QLabel("x"))
        row.addWidget(self._x, 1)
        row.addWidget(QLabel("µm/px"))
        row.addWidget(self._button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._origin)

    def _choose(self, action: QAction) -> None:
        y, x = action.data()
        self.setValue(PixelSize(y, x), "chosen here")
        self.edited.emit()

    def _on_y(self, text: str) -> None:
        if self._square:
            self._x.setText(text)
        self._on_edit()

    def _on_edit(self, *_: object) -> None:
        y, x = self._y.number(), self._x.number()
        value = PixelSize(y, x) if y and x else None
        origin = "typed here" if value else ""
        if value is not None and not plausible(value):
            value, origin = None, f"no microscope has this: {_RANGE}"
        self._tell(origin)
        self._set(value)
        self.edited.emit()

    def _tell(self, origin: str) -> None:
        self._origin.setText(origin)
        self._origin.setVisible(bool(origin))

    def _set(self, value: PixelSize | None) -> None:
        if value is not None:
            self._square = value.y == value.x
        if value != self._value:
            self._value = value
            self.valueChanged.emit()
