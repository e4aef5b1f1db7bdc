"""Sliders for how probabilities become objects: threshold, smallest object, separation."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.widgets.guards import ignore_stray_wheel

_STEPS = 200
_LEAST_RANGE_UM2 = 50.0
_OF_TYPICAL = 2.0
_OF_SMALLEST = 10.0


class NumberSlider(QWidget):
    """A slider with its number beside it, which can be typed.

    Parameters
    ----------
    name, tip : str
        For people.
    low, high : float
        Range.
    decimals : int
        Of the number.
    suffix : str
        Unit.
    fine : bool
        Give small values more room: positions are square roots.

    Attributes
    ----------
    valueChanged : Signal()
        Moved or typed.
    """

    valueChanged = Signal()

    def __init__(
        self,
        name: str,
        tip: str,
        low: float,
        high: float,
        decimals: int = 2,
        suffix: str = "",
        fine: bool = False,
    ) -> None:
        super().__init__()
        self._power = 2 if fine else 1
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.number = QDoubleSpinBox()
        self.number.setDecimals(decimals)
        self.number.setSuffix(suffix)
        self.number.setKeyboardTracking(False)
        self.number.setSingleStep(10**-decimals if decimals else 1)
        for part in (self.slider, self.number):
            part.setToolTip(tip)
            part.setAccessibleName(name)
        ignore_stray_wheel(self.slider, self.number)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        self.setRange(low, high)
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(self._on_number)

    def value(self) -> float:
        """Return the number."""
        return float(self.number.value())

    def setValue(self, value: float) -> None:
        """Show a number; the range grows where it must."""
        if value > self.number.maximum():
            self.setRange(self.number.minimum(), value)
        self.number.setValue(value)

    def setRange(self, low: float, high: float) -> None:
        """Change the range; the number stays, if it can."""
        self.number.setRange(low, high)
        self._place()

    def _on_slider(self, position: int) -> None:
        low, high = self.number.minimum(), self.number.maximum()
        self.number.setValue(low + (high - low) * (position / _STEPS) ** self._power)

    def _on_number(self) -> None:
        self._place()
        self.valueChanged.emit()

    def _place(self) -> None:
        low, high = self.number.minimum(), self.number.maximum()
        share = (self.number.value() - low) / max(high - low, 1e-9)
        if not self.slider.isSliderDown():  # rounding must not push back the hand that moves it
            with signals_blocked(self.slider):
                self.slider.setValue(round(share ** (1 / self._power) * _STEPS))


class ObjectSliders(QWidget):
    """How probabilities become objects.

    Attributes
    ----------
    valueChanged : Signal()
        A person has moved something.
    """

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rest = PostProcessing()
        self._own = PostProcessing()
        self._shown: dict[str, float] = {}
        self.threshold = NumberSlider(
            "Threshold",
            "How sure the model must be. Lower: more and larger objects.",
            0.05,
            0.95,
        )
        self.smallest = NumberSlider(
            "Smallest object",
            "Smaller objects are left out, in square micrometres",
            0,
            _LEAST_RANGE_UM2,
            decimals=0,
            suffix=" µm²",
            fine=True,
        )
        self.separation = NumberSlider(
            "Separation",
            "How readily touching objects are cut apart. 0: never.",
            0,
            1,
        )
        self.reset = QPushButton("Model's own values")
        self.reset.setToolTip("Back to the values that the model was made with")
        self._arrange()
        for part in self._parts().values():
            part.valueChanged.connect(self._on_change)
        self.reset.clicked.connect(self._on_reset)

    def value(self) -> PostProcessing:
        """Return the settings; what has no slider or was not moved stays as it was set."""
        # Not what unmoved sliders show: that is rounded.
        numbers = self._numbers()
        moved = {name: numbers[name] for name in numbers if numbers[name] != self._shown.get(name)}
        return replace(self._rest, **moved)

    def setValue(self, value: PostProcessing) -> None:
        """Show settings, without telling anybody."""
        self._rest = value
        with signals_blocked(self):
            self.threshold.setValue(value.threshold)
            self.smallest.setValue(value.min_area_um2)
            self.separation.setValue(value.separation)
        self._shown = self._numbers()
        self._refresh()

    def setModel(self, own: PostProcessing, typical_um2: float | None) -> None:
        """Suit the ranges to a model and show its own values."""
        self._own = own
        guesses = (_LEAST_RANGE_UM2, _OF_SMALLEST * own.min_area_um2)
        most = _OF_TYPICAL * typical_um2 if typical_um2 else max(guesses)
        with signals_blocked(self):
            self.smallest.number.setDecimals(1 if most < 2 * _LEAST_RANGE_UM2 else 0)
            self.smallest.setRange(0, max(most, own.min_area_um2))
        self.setValue(own)

    def _numbers(self) -> dict[str, float]:
        return {
            "threshold": round(self.threshold.value(), 4),
            "min_area_um2": self.smallest.value(),
            "separation": round(self.separation.value(), 4),
        }

    def _parts(self) -> dict[str, NumberSlider]:
        return {
            "Threshold": self.threshold,
            "Smallest": self.smallest,
            "Separation": self.separation,
        }

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        for row, (name, part) in enumerate(self._parts().items()):
            grid.addWidget(QLabel(name), row, 0)
            grid.addWidget(part, row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        column.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignRight)

    def _on_change(self) -> None:
        self._refresh()
        self.valueChanged.emit()

    def _on_reset(self) -> None:
        if self.value() != self._own:
            self.setValue(self._own)
            self.valueChanged.emit()

    def _refresh(self) -> None:
        self.reset.setEnabled(self.value() != self._own)
