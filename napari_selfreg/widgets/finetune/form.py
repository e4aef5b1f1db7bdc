"""What a person sets before a fine-tuning: the model, the minutes, and what is folded away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QVBoxLayout, QWidget

from napari_selfreg.engine.finetune_types import MINUTES
from napari_selfreg.widgets.finetune.advanced import TuneAdvanced
from napari_selfreg.widgets.finetune.bases import BasePicker
from napari_selfreg.widgets.guards import ignore_stray_wheel


class TuneForm(QWidget):
    """Model, minutes and Advanced.

    Parameters
    ----------
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
    parent : QWidget, optional
        Parent of the form.

    Attributes
    ----------
    valueChanged : Signal()
        Anything is another.
    """

    valueChanged = Signal()

    def __init__(
        self, models: Mapping[str, Path] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.base_picker = BasePicker(models)
        self.minutes = QDoubleSpinBox()
        self.minutes.setDecimals(1)
        self.minutes.setRange(0.2, 600.0)
        self.minutes.setValue(MINUTES)
        self.minutes.setSuffix(" min")
        self.minutes.setAccessibleName("Minutes")
        self.minutes.setToolTip("How long it may take in all, from the click to the verdict")
        ignore_stray_wheel(self.minutes)
        self.advanced = TuneAdvanced()
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Start from", self.base_picker)
        rows.addRow("Time", self.minutes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addWidget(self.advanced)
        self.base_picker.baseChanged.connect(self.valueChanged)
        self.minutes.valueChanged.connect(self._on_minutes)
        self.advanced.valueChanged.connect(self.valueChanged)

    def _on_minutes(self, minutes: float) -> None:
        self.valueChanged.emit()
