"""Settings that most people never need, folded away."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_selfreg.widgets.device_picker import DevicePicker
from napari_selfreg.widgets.guards import ignore_stray_wheel

_PRECISIONS = {
    "auto": "Automatic",
    "fp32": "Full (32 bit)",
}


@dataclass(frozen=True, slots=True)
class Advanced:
    """What is set there.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision : str
        ``auto`` or ``fp32``.
    tta, uncertainty, probability : bool
        Eight views; layers beside the objects.
    skip_glass : bool
        Whether parts that surely show nothing but glass are left out.
    """

    device: str = "auto"
    precision: str = "auto"
    tta: bool = False
    uncertainty: bool = False
    probability: bool = False
    skip_glass: bool = True


class AdvancedBox(QCollapsible):
    """Device, precision, eight views and extra layers; folded at first.

    Attributes
    ----------
    valueChanged : Signal()
        A setting is another.
    """

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Advanced", parent, expandedIcon="▾", collapsedIcon="▸")
        self.device_picker = DevicePicker()
        self.precision_picker = QComboBox()
        for value, text in _PRECISIONS.items():
            self.precision_picker.addItem(text, value)
        self.precision_picker.setToolTip(
            "Automatic computes in half precision where that is faster; the objects hardly differ."
        )
        self.tta = QCheckBox("Average eight views (8× slower)")
        self.tta.setToolTip("Turns and mirrors the image and averages: a little more accurate")
        self.uncertainty = QCheckBox("Add a layer: where the model is unsure")
        self.uncertainty.setToolTip("Bright where object or background is undecided")
        self.probability = QCheckBox("Add layers: probabilities")
        self.probability.setToolTip("One for each class, and one for the contours between objects")
        self.skip_glass = QCheckBox("Leave out empty glass")
        self.skip_glass.setChecked(True)
        self.skip_glass.setToolTip(
            "Faster on slides. Switch it off if very pale tissue is missing from the objects."
        )
        ignore_stray_wheel(self.precision_picker)
        self.toggleButton().setToolTip("What computes, and layers beside the objects")
        self._arrange()
        self.device_picker.valueChanged.connect(self.valueChanged)
        self.precision_picker.currentIndexChanged.connect(self._on_change)
        for box in self.boxes:
            box.toggled.connect(self._on_change)

    def value(self) -> Advanced:
        """Return the settings."""
        return Advanced(
            self.device_picker.value(),
            str(self.precision_picker.currentData()),
            self.tta.isChecked(),
            self.uncertainty.isChecked(),
            self.probability.isChecked(),
            self.skip_glass.isChecked(),
        )

    @property
    def boxes(self) -> tuple[QCheckBox, ...]:
        """What can be ticked, from top to bottom: all of it is for pictures."""
        return self.skip_glass, self.tta, self.uncertainty, self.probability

    def setValue(self, value: Advanced) -> None:
        """Change the settings."""
        self.device_picker.setValue(value.device)
        place = self.precision_picker.findData(value.precision)
        self.precision_picker.setCurrentIndex(max(0, place))
        self.tta.setChecked(value.tta)
        self.uncertainty.setChecked(value.uncertainty)
        self.probability.setChecked(value.probability)
        self.skip_glass.setChecked(value.skip_glass)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 0, 0, 0)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Device", self.device_picker)
        form.addRow("Precision", self.precision_picker)
        column.addLayout(form)
        for box in self.boxes:
            column.addWidget(box)
        outer = self.layout()
        assert outer is not None  # QCollapsible makes one
        outer.setContentsMargins(0, 0, 0, 0)
        self.setContent(content)
        self.collapse(animate=False)
        content.hide()  # what is folded must not take the focus
        self.toggled.connect(content.setVisible)
        self.setDuration(0)  # an animation would move Run away under the pointer

    def _on_change(self, *_: object) -> None:
        self.valueChanged.emit()
