"""Choose what computes; nothing is asked of torch before a job runs."""

from __future__ import annotations

import sys

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_selfreg.widgets.guards import ignore_stray_wheel


class DevicePicker(QComboBox):
    """Automatic, processor or graphics card.

    Attributes
    ----------
    valueChanged : Signal()
        Another device is chosen.
    """

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.addItem("Automatic", "auto")
        self.addItem("Processor (CPU)", "cpu")
        if sys.platform == "darwin":
            self.addItem("Apple graphics (MPS)", "mps")
        else:
            self.addItem("NVIDIA graphics card (CUDA)", "cuda")
        self.setToolTip("What computes. Automatic takes a graphics card if there is one.")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(12)
        ignore_stray_wheel(self)
        self.currentIndexChanged.connect(self._on_index)

    def value(self) -> str:
        """Return ``auto``, ``cpu``, ``cuda`` or ``mps``."""
        return str(self.currentData())

    def setValue(self, value: str) -> None:
        """Choose a device of the list."""
        self.setCurrentIndex(max(0, self.findData(value)))

    def _on_index(self, index: int) -> None:
        self.valueChanged.emit()
