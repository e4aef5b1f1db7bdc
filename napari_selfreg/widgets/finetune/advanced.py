"""Settings of a fine-tuning that most people never need, each with a plain sentence."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
)
from superqt import QCollapsible

from napari_selfreg.engine.finetune_types import What
from napari_selfreg.widgets.device_picker import DevicePicker
from napari_selfreg.widgets.guards import ignore_stray_wheel

_WHAT: dict[What, str] = {
    "all": "Everything",
    "decoder": "The decoder and the head",
    "head_norms": "The head and the normalisations",
}
_USUAL = "usual"
_UNBOUNDED = 2**24 - 1
"""Qt's greatest height (QWIDGETSIZE_MAX, which no binding gives a name)."""

_SHORT = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_ABOUT_WHAT = "Less that may change learns less, and forgets less."
_ABOUT_SCR = "Keeps all layers of the network consistent with the last one (SCR)."
_ABOUT_IFD = "Couples the two halves of each layer's channels (IFD)."
_ABOUT_CLOSE = "Higher forgets less. Usual: 0.7; 0.4 from 100,000 reviewed px, 0.3 from 250,000."
_ABOUT_SEED = "The same number repeats the same draws of crops and colours."
_ABOUT_BLOCKS = "Draws the numbers of Look inside while it learns; takes about 2 % of the time."
_ABOUT_DEVICE = "What computes; Automatic takes a graphics card if there is one."


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What is set under Advanced.

    Parameters
    ----------
    what : {"all", "decoder", "head_norms"}
        What may change.
    lambda_scr, lambda_ifd : float or None
        Weights of the regularizers; None for what is usual.
    stay_close : float or None
        Pull towards the old model, from 0 to 1; None for what is usual for so much.
    seed : int
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    blocks : bool
        Whether the numbers of each block are measured while it learns.
    """

    what: What = "all"
    lambda_scr: float | None = None
    lambda_ifd: float | None = None
    stay_close: float | None = None
    seed: int = 0
    device: str = "auto"
    blocks: bool = False


class TuneAdvanced(QCollapsible):
    """What may change, regularizers, stay close, seed and device; folded at first."""

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Advanced", parent, expandedIcon="▾", collapsedIcon="▸")
        self.toggleButton().setToolTip("What may change, and how strongly the old model holds")
        self.what = QComboBox()
        for value, text in _WHAT.items():
            self.what.addItem(text, value)
        # As wide as its longest line it would widen the dock, and so move the image.
        self.what.setSizeAdjustPolicy(_SHORT)
        self.what.setMinimumContentsLength(12)
        self.scr, self.ifd = _weight(), _weight()
        self.stay_close = _weight(most=1.0, step=0.05)
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.device = DevicePicker()
        self.blocks = QCheckBox("Watch the blocks")
        ignore_stray_wheel(self.what, self.scr, self.ifd, self.stay_close, self.seed)
        self._arrange()
        self.setValue(TuneOptions())
        self.what.currentIndexChanged.connect(self._on_change)
        self.device.valueChanged.connect(self.valueChanged)
        self.blocks.toggled.connect(self._on_change)
        for box in (self.scr, self.ifd, self.stay_close, self.seed):
            box.valueChanged.connect(self._on_change)

    def value(self) -> TuneOptions:
        """Return the settings."""
        return TuneOptions(
            self.what.currentData(),
            _of_weight(self.scr),
            _of_weight(self.ifd),
            _of_weight(self.stay_close),
            self.seed.value(),
            self.device.value(),
            self.blocks.isChecked(),
        )

    def setValue(self, value: TuneOptions) -> None:
        """Change the settings."""
        self.what.setCurrentIndex(max(0, self.what.findData(value.what)))
        boxes = (self.scr, self.ifd, self.stay_close)
        weights = (value.lambda_scr, value.lambda_ifd, value.stay_close)
        for box, weight in zip(boxes, weights, strict=True):
            box.setValue(box.minimum() if weight is None else weight)
        self.seed.setValue(value.seed)
        self.device.setValue(value.device)
        self.blocks.setChecked(value.blocks)

    def _arrange(self) -> None:
        content = QWidget()
        form = QFormLayout(content)
        form.setContentsMargins(12, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        for name, widget, sentence in (
            ("May change", self.what, _ABOUT_WHAT),
            ("λ SCR", self.scr, _ABOUT_SCR),
            ("λ IFD", self.ifd, _ABOUT_IFD),
            ("Stay close", self.stay_close, _ABOUT_CLOSE),
            ("Seed", self.seed, _ABOUT_SEED),
            ("Device", self.device, _ABOUT_DEVICE),
            ("Blocks", self.blocks, _ABOUT_BLOCKS),
        ):
            widget.setToolTip(sentence)
            widget.setAccessibleName(name)
            form.addRow(name, widget)
            form.addRow(_explanation(sentence))
        outer = self.layout()
        assert outer is not None  # QCollapsible makes one
        outer.setContentsMargins(0, 0, 0, 0)
        self.setContent(content)
        self.toggled.connect(self._on_toggle)
        self.collapse(animate=False)
        self.setDuration(0)  # an animation would move Start away under the pointer

    def _on_toggle(self, expanded: bool) -> None:
        # It was given the height of its hint, which does not know how often sentences wrap.
        if expanded:
            self.content().setMaximumHeight(_UNBOUNDED)

    def _on_change(self, *_: object) -> None:
        self.valueChanged.emit()


def _weight(most: float = 10.0, step: float = 0.005) -> QDoubleSpinBox:
    """Return a box whose lowest value, below 0, stands for what is usual."""
    box = QDoubleSpinBox()
    box.setDecimals(3)
    box.setSingleStep(step)
    box.setRange(-step, most)
    box.setSpecialValueText(_USUAL)
    box.setValue(box.minimum())
    return box


def _of_weight(box: QDoubleSpinBox) -> float | None:
    return None if box.value() < 0 else box.value()


def _explanation(sentence: str) -> QLabel:
    text = QLabel(sentence)
    text.setWordWrap(True)
    font = text.font()
    font.setItalic(True)  # told from what is to be set, and read in every theme
    text.setFont(font)
    text.setContentsMargins(0, 0, 0, 4)
    return text
